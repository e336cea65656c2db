#!/usr/bin/env bash
# Finds, removes or puts back the hand-made rules that lead a node's ports 80 and 443 to a pod's address.
# Runs as root on the node. Usage: cutover.sh check|remove|restore RECORD [ROOT]
#   check    lists the rules that are in force and every file that would bring them back at the next boot
#   remove   writes RECORD (a folder) first, then removes the rules and their lines in saved rule sets
#   restore  puts back what RECORD says; with $removal set, only if RECORD is that removal's
# A removal that fails half way puts everything back itself, also when nobody listens any more.
# Ends with 0; with 1 when nothing is changed because something is in the way; with 3 when a file must be changed by hand.
set -euo pipefail
removal=${removal:-}
action=$1
record=$2
root=${3:-}
pods='10\.42\.[0-9.]+'
saved=(/etc/sysconfig/iptables /etc/iptables/rules.v4)

say() { printf '%s\n' "$*"; }
fail() { say "cutover: $*" >&2; exit 1; }
[ "$(id -u)" -eq 0 ] || fail "needs root on the node; nothing was changed; fix: connect as root"
command -v iptables >/dev/null || fail "iptables is not on this node; nothing was changed"

# `iptables -S` prints each rule as it was given, unlike the listing that the old helper script searched.
hand_made='^-A (PREROUTING .*(--dport|--dports) [0-9,:]*(80|443).* -j DNAT --to-destination '"$pods"'|POSTROUTING .*-d '"$pods"'/32 .*-j MASQUERADE)'
nat() { printf '%s' "-w -t nat $1" | xargs iptables; }  # xargs reads the quotes that a comment has
rules() { iptables -w -t nat -S | grep -E "$hand_made" || true; }
kept() {
  local file
  for file in "${saved[@]}"; do
    if [ -f "$root$file" ] && grep -qE "$hand_made" "$root$file"; then say "$file"; fi
  done
}
# Scripts, units and settings of firewalls that would make the rules again: only an operator can say what else they do.
others() {
  local places=() place
  for place in /etc /home /opt /root /srv /usr/local /var/spool/cron; do
    if [ -e "$root$place" ]; then places+=("$root$place"); fi
  done
  [ ${#places[@]} -gt 0 ] || return 0
  # An address of a pod, or a variable that holds one, as iptables, nftables, ufw and firewalld write it.
  grep -rlIsE -D skip "(to-destination|dnat( ip)? to|to-?addr)[ =:\"']+($pods|\\\$)" "${places[@]}" \
    | grep -vxF "$(printf "$root%s\n" "${saved[@]}")" || true
}
# An interrupted connection leaves the script running on the node: whatever comes next waits for it.
one_at_a_time() {
  mkdir -p "$(dirname "$root$record")"
  command -v flock >/dev/null || return 0
  exec 9>"$root$record.lock"
  flock -w 90 9 || fail "another removal is still at work; fix: wait for it, then restore"
}
put_back() {
  local rule
  while read -r rule; do
    [ -z "$rule" ] || nat "${rule/#-A/-C}" 2>/dev/null || nat "$rule" || return 1
  done < "$root$record/rules"
  cp -rp "$root$record/files/." "$root/" || return 1
  touch "$root$record/restored"
}
undo() {
  local code=$?
  trap - EXIT
  [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || put_back >/dev/null 2>&1 || true
  exit "$code"
}

case $action in
  check)
    found=$(rules)
    if [ -n "$found" ]; then say "in force:"; say "$found"; else say "in force: none"; fi
    while read -r file; do say "comes back at boot: $file"; done < <(kept)
    while read -r file; do say "by hand: ${file#"$root"}"; done < <(others)
    ;;
  remove)
    one_at_a_time
    [ ! -e "$root$record" ] || [ -e "$root$record/restored" ] \
      || fail "$record exists: a removal was begun before; nothing was changed; fix: restore it"
    part=$root$record.part
    rm -rf "$part"
    mkdir -p "$part/files"
    chmod 700 "$part"
    printf '%s\n' "$removal" > "$part/removal"
    rules > "$part/rules"
    mapfile -t files < <(kept)
    for file in "${files[@]}"; do
      mkdir -p "$part/files$(dirname "$file")"
      cp -p "$root$file" "$part/files$file"
    done
    rm -rf "${root}${record:?}"
    mv "$part" "$root$record"
    trap undo EXIT
    trap 'exit 129' HUP INT TERM
    while read -r rule; do
      [ -z "$rule" ] || nat "${rule/#-A/-D}" || fail "a rule could not be removed: $rule"
    done < "$root$record/rules"
    for file in "${files[@]}"; do
      grep -vE "$hand_made" "$root$record/files$file" > "$root$file" || true  # an empty result is no error
    done
    say "removed: $(grep -c . "$root$record/rules" || true) rules; record: $record"
    left=$(others)
    if [ -n "$left" ]; then say "by hand: ${left//$root/}"; exit 3; fi
    ;;
  restore)
    one_at_a_time
    if [ -n "$removal" ] && ! grep -qsxF "$removal" "$root$record/removal"; then say "nothing was removed"; exit 0; fi
    [ -f "$root$record/rules" ] || fail "$record holds no record; nothing was changed"
    put_back
    say "restored: $(grep -c . "$root$record/rules" || true) rules"
    ;;
  *) fail "unknown action $action" ;;
esac
