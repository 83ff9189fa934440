#!/bin/sh
# Runs a compiler and keeps what it says in a file; shows that where it fails.
log=$1
shift
"$@" >"$log" 2>&1 && exit 0
cat "$log" >&2
exit 1
