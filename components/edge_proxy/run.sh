#!/bin/sh
# Runs HAProxy and reloads it when its files change: connections stay, pods do not roll. A file that HAProxy would
# refuse changes nothing. Usage: run.sh FOLDER [SECONDS BETWEEN LOOKS]
set -eu
folder=$1
pause=${2:-5}
config=$folder/haproxy.cfg

state() { cat "$config" "$folder/sources.lst" | cksum; }

haproxy -W -db -f "$config" &
master=$!
# USR1 closes the listeners and lets connections end; Kubernetes kills what is left after the grace period.
trap 'kill -USR1 "$master" 2>/dev/null || true' TERM INT
seen=$(state)
while kill -0 "$master" 2>/dev/null; do
  sleep "$pause" &
  wait $! || true
  kill -0 "$master" 2>/dev/null || break
  now=$(state) || continue
  [ "$now" = "$seen" ] && continue
  seen=$now
  if haproxy -c -q -f "$config"; then
    echo "run.sh: files changed, reloading"
    kill -USR2 "$master"
  else
    echo "run.sh: the changed files are refused, the old ones stay in force" >&2
  fi
done
wait "$master"
