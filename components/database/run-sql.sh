#!/bin/sh
# Runs one SQL file against PG* of the environment. Waits for the database, whose policies reach a new pod late,
# and tries again when a lock was busy; any other error ends the Job at once.
set -u
attempt=1
while :; do
  output=$(psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --file "$1" 2>&1) && { echo "$output"; echo "done: $1"; exit 0; }
  case $output in
    *"lock timeout"* | *"connection to server"* | *"starting up"* | *"could not translate host name"*) ;;
    *) echo "$output" >&2; exit 1 ;;
  esac
  [ "$attempt" -lt 24 ] || { echo "$output" >&2; echo "gave up after $attempt tries" >&2; exit 1; }
  attempt=$((attempt + 1))
  sleep 5
done
