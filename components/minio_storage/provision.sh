#!/bin/sh
# Makes buckets, rules, users and policies what the files beside this script say, then reads each one back.
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
  | "$client" alias set gx "$S3_ENDPOINT" >/dev/null 2>/tmp/alias; do
  [ "$attempt" -lt 30 ] || fail "$S3_ENDPOINT did not answer or refused the root keys: $(tail -n 1 /tmp/alias)"
  attempt=$((attempt + 1))
  sleep 5
done

"$client" mb --ignore-existing "$target" >/dev/null
"$client" mb --ignore-existing "gx/$STATUS_BUCKET" >/dev/null
"$client" version enable "$target" >/dev/null
"$client" ilm import "$target" </scripts/lifecycle.json >/dev/null

# USERS holds one "purpose:epoch:VARIABLE" per user; the variable holds the secret key.
for user in $USERS; do
  purpose=${user%%:*}
  epoch=${user#*:}
  access_key=$purpose-${epoch%%:*}
  eval "secret_key=\$${user##*:}"
  "$client" admin policy create gx "$purpose" "/scripts/$purpose.json" >/dev/null
  # shellcheck disable=SC2154 # eval sets it
  printf '%s\n%s\n' "$access_key" "$secret_key" | "$client" admin user add gx >/dev/null
  if ! "$client" admin user info gx "$access_key" --json | grep -q "\"policyName\":\"$purpose\""; then
    "$client" admin policy attach gx "$purpose" --user "$access_key" >/dev/null
  fi
  info=$("$client" admin user info gx "$access_key" --json)
  echo "$info" | grep -q "\"policyName\":\"$purpose\"" || fail "user $access_key does not have exactly the policy $purpose"
  echo "$info" | grep -q '"userStatus":"enabled"' || fail "user $access_key is not enabled"
done

# Two epochs of a user live side by side until the older one is retired on purpose.
for access_key in $RETIRED; do
  if "$client" admin user info gx "$access_key" >/dev/null 2>&1; then
    "$client" admin user remove gx "$access_key" >/dev/null
    echo "retired: $access_key"
  fi
done

# Read back what was set: a command that exits with 0 is no proof.
for name in "$BUCKET" "$STATUS_BUCKET"; do
  "$client" ls gx --json | grep -q "\"key\":\"$name/\"" || fail "the bucket $name is missing"
done
"$client" version info "$target" --json | grep -q '"status":"Enabled"' || fail "versioning is off"
"$client" ilm export "$target" >/tmp/lifecycle
for rule in $LIFECYCLE_RULES; do
  grep -q "\"ID\": *\"$rule\"" /tmp/lifecycle || fail "the lifecycle rule $rule is missing"
done
"$client" admin user ls gx --json >/tmp/users
for access_key in $RETIRED; do
  ! grep -q "\"accessKey\":\"$access_key\"" /tmp/users || fail "the retired user $access_key is still there"
done
echo "provisioned: bucket $BUCKET, versioning, rules $LIFECYCLE_RULES"
