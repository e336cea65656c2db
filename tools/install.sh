#!/usr/bin/env bash
# Installs the Debian packages of debian-packages.txt that are missing. Does nothing when all are there.
set -euo pipefail
cd "$(dirname "$0")"

missing=()
while read -r package proof; do
  command -v "$proof" >/dev/null || compgen -G "$proof" >/dev/null || missing+=("$package")
done < <(grep -v '^#' debian-packages.txt)
if [ ${#missing[@]} -eq 0 ]; then
  echo "tools: nothing is missing"
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "tools: ${missing[*]}: no apt-get here; fix: install them your way" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  sudo -n true 2>/dev/null || { echo "tools: needs root; fix: sudo apt-get install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "tools: installing ${missing[*]} (about a minute)"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
# The packages' own servers must not start: tests start theirs on free ports of the loopback interface.
policy=/usr/sbin/policy-rc.d
made=no
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  made=yes
fi
cleanup() { if [ "$made" = yes ]; then "${as_root[@]}" rm -f "$policy"; fi; }
trap cleanup EXIT
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
echo "tools: installed ${missing[*]}"
