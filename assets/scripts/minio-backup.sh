#!/bin/sh
# Copies the bucket into /backups/snapshots/<UTC time>, proves the copy, then removes snapshots that are too old.
# A snapshot counts only when metadata.json is in it: that file is written last, after listing and copy agreed.
# What lies beside that folder (copies of an older script) is never touched. Needs mc (some images call it mcli).
set -eu
export MC_CONFIG_DIR=/tmp/mc MC_DISABLE_PAGER=1 LC_ALL=C

client=$(command -v mc || command -v mcli) || { echo "no mc in this image" >&2; exit 1; }
root=${BACKUP_ROOT:-/backups}/snapshots
work=/tmp/backup
stamp=$(date -u +%Y%m%dT%H%M%SZ)
partial="$root/.partial_$stamp"
final="$root/$stamp"

fail() { echo "backup failed: $*" >&2; exit 1; }

rm -rf "$work" && mkdir -p "$work" "$root"
mkdir "$root/.lock" 2>/dev/null || {
  # A run that was killed leaves its lock; no run lives longer than its deadline.
  [ -z "$(find "$root/.lock" -maxdepth 0 -mmin "-$DEADLINE_MINUTES")" ] || fail "another run holds $root/.lock"
  touch "$root/.lock"
}
trap 'rm -rf "$partial" "$root/.lock" "$work"' EXIT
trap 'exit 1' INT TERM
rm -rf "$root"/.partial_*  # left by a run that was killed

attempt=1
until printf '%s\n%s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" \
  | "$client" alias set source "$S3_ENDPOINT" --api s3v4 >/dev/null 2>"$work/alias"; do
  [ "$attempt" -lt 12 ] || fail "$S3_ENDPOINT did not answer or refused the key: $(tail -n 1 "$work/alias")"
  attempt=$((attempt + 1))
  sleep 5
done

# "size key" of every object, one a line, sorted. The bucket's own name of a key is read from JSON, where a
# backslash or a quote is escaped: a key with one is refused rather than copied unverified.
list_source() {
  "$client" ls --recursive --json "source/$BUCKET" >"$work/listing" || fail "cannot list $BUCKET"
  ! grep -q '"status":"error"' "$work/listing" || fail "listing of $BUCKET is incomplete"
  ! grep -q '"key":"[^"]*[\]' "$work/listing" || fail "a key needs escaping; this script does not copy such keys"
  sed -n 's/.*"size":\([0-9]*\).*"key":"\([^"]*\)".*/\1 \2/p' "$work/listing" | sort >"$1"
  [ "$(wc -l <"$1")" -eq "$(grep -c '"status":"success"' "$work/listing" || true)" ] || fail "a listing line was not understood"
}
list_copy() {
  (cd "$partial/$BUCKET" && find . -type f -exec stat -c '%s %n' {} +) | sed 's#^\([0-9]*\) \./#\1 #' | sort >"$1"
}

list_source "$work/before"
objects=$(wc -l <"$work/before")
bytes=$(awk '{ sum += $1 } END { printf "%.0f", sum }' "$work/before")
free=$(df -P -k "$root" | awk 'NR == 2 { printf "%.0f", $4 * 1024 }')
[ "$free" -gt $((bytes + bytes / 10)) ] || fail "$free bytes free on the volume, the copy needs $bytes and a tenth more"
newest=$(find "$root" -mindepth 2 -maxdepth 2 -path "$root/[0-9]*/metadata.json" | sort | tail -n 1)
if [ -n "$newest" ]; then
  had=$(sed -n 's/.*"objects": *\([0-9]*\).*/\1/p' "$newest")
  [ "$objects" -gt 0 ] || [ "${had:-0}" -eq 0 ] || fail "the bucket is empty, the last snapshot had $had objects"
fi

mkdir -p "$partial/$BUCKET"
"$client" mirror --preserve --quiet "source/$BUCKET" "$partial/$BUCKET" >"$work/mirror" 2>&1 \
  || fail "mirror: $(tail -n 1 "$work/mirror")"

# The exit code of mirror proves nothing: what counts is that an independent listing agrees, before and after.
list_source "$work/after"
list_copy "$work/copy"
cmp -s "$work/before" "$work/after" || fail "objects changed while they were copied; the next run tries again"
cmp -s "$work/after" "$work/copy" || fail "the copy differs from the bucket"

(cd "$partial" && find "$BUCKET" -type f -exec sha256sum {} +) | sort -k 2 >"$partial/manifest.sha256"
cat >"$partial/.metadata" <<EOF
{"schema": 1, "network": "$NETWORK", "bucket": "$BUCKET", "taken": "$stamp", "objects": $objects, "bytes": $bytes,
 "manifestSha256": "$(sha256sum <"$partial/manifest.sha256" | cut -d ' ' -f 1)", "status": "complete"}
EOF
sync
mv "$partial/.metadata" "$partial/metadata.json"
mv "$partial" "$final"
echo "complete: $final, $objects objects, $bytes bytes"

# The age comes from the name: copying changes the time of a folder. The newest complete snapshot always stays.
limit=$(date -u -d "@$(($(date +%s) - RETENTION_DAYS * 86400))" +%Y%m%dT%H%M%SZ)
for snapshot in "$root"/[0-9]*T[0-9]*Z; do
  taken=${snapshot##*/}
  [ -f "$snapshot/metadata.json" ] && [ "$snapshot" != "$final" ] || continue
  if expr "$taken" \< "$limit" >/dev/null; then
    rm -rf "$snapshot" || fail "cannot remove $snapshot"
    echo "removed: $snapshot"
  fi
done
