#!/usr/bin/env bash
# Installs the pinned Pulumi CLI into a folder and puts it on PATH: the archive must match the checksums of its release.
set -euo pipefail
version="$1"
folder="$2"
name="pulumi-v$version-linux-x64.tar.gz"
release="https://github.com/pulumi/pulumi/releases/download/v$version"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
curl --fail --silent --show-error --location --remote-name "$release/$name"
curl --fail --silent --show-error --location --output checksums "$release/pulumi-$version-checksums.txt"
grep -F "$name" checksums | sha256sum --check --strict
mkdir -p "$folder"
tar --extract --gzip --file "$name" --directory "$folder" --strip-components 1
[ -z "${GITHUB_PATH:-}" ] || echo "$folder" >> "$GITHUB_PATH"
"$folder/pulumi" version
