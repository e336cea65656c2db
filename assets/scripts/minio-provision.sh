#!/bin/sh
# Makes the bucket, its rules, users and policies what the files beside this script say, then reads each one back.
# Running it again changes nothing. Needs mc (some images call it mcli).
set -eu
export MC_CONFIG_DIR=/tmp/mc MC_DISABLE_PAGER=1

client=$(command -v mc || command -v mcli) || { echo "no mc in this image" >&2; exit 1; }
target="gx/$BUCKET"

fail() { echo "provisioning failed: $*" >&2; exit 1; }

# Read the keys from standard input: an argument list is visible to every process of the node. mc takes an
# alias that was never set for a local folder and succeeds there, so nothing runs before this worked.
attempt=1
until printf '%s\n%s\n' "$MINIO_ROOT_USER" "$MINIO_ROOT_PASSWORD" \
  | "$client" alias set gx "$S3_ENDPOINT" --api s3v4 >/dev/null 2>/tmp/alias; do
  [ "$attempt" -lt 30 ] || fail "$S3_ENDPOINT did not answer or refused the root keys: $(tail -n 1 /tmp/alias)"
  attempt=$((attempt + 1))
  sleep 5
done

"$client" mb --ignore-existing "$target" >/dev/null
"$client" version enable "$target" >/dev/null
"$client" ilm import "$target" </scripts/lifecycle.json >/dev/null

# make_user NAME POLICY ACCESS_KEY SECRET_KEY
make_user() {
  "$client" admin policy create gx "$2" "/scripts/$2.json" >/dev/null
  printf '%s\n%s\n' "$3" "$4" | "$client" admin user add gx >/dev/null
  if ! "$client" admin user info gx "$3" --json | grep -q "\"policyName\":\"$2\""; then
    "$client" admin policy attach gx "$2" --user "$3" >/dev/null
  fi
  "$client" admin user info gx "$3" --json | grep -q "\"policyName\":\"$2\"" || fail "user $1 has no policy $2"
  "$client" admin user info gx "$3" --json | grep -q '"userStatus":"enabled"' || fail "user $1 is not enabled"
}
make_user svc-messaging messaging "$MESSAGING_ACCESS_KEY" "$MESSAGING_SECRET_KEY"
make_user backup-reader backup "$BACKUP_ACCESS_KEY" "$BACKUP_SECRET_KEY"

# Read back what was set: a command that exits with 0 is no proof.
"$client" ls gx --json | grep -q "\"key\":\"$BUCKET/\"" || fail "the bucket $BUCKET is missing"
"$client" version info "$target" --json | grep -q '"status":"Enabled"' || fail "versioning is off"
"$client" ilm export "$target" >/tmp/lifecycle
for rule in $LIFECYCLE_RULES; do
  grep -q "\"ID\": *\"$rule\"" /tmp/lifecycle || fail "the lifecycle rule $rule is missing"
done
echo "provisioned: bucket $BUCKET, versioning, rules $LIFECYCLE_RULES, users of svc-messaging and backup"
