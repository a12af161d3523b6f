#!/bin/bash
# SPDX-License-Identifier: MIT
#
# An import is killed at any moment: the store is whole, and the next import completes.
#
#   tests/store/kill.sh FOLDER COMMAND...     see start.sh
set -uo pipefail
. "$(dirname "$0")/start.sh"

[ "${TARBOX_LONG:-0}" = 0 ] && kills=10 || kills=200

# 20 MB of contents in files of many sizes.
mkdir "$scratch/tree"
head -c 17000000 /dev/urandom | split -b 1900000 - "$scratch/tree/large-"
head -c 3000000 /dev/urandom | split -a 4 -b 2900 - "$scratch/tree/small-"
tar -C "$scratch/tree" -cf "$scratch/tree.tar" .

started=$(date +%s%N)
gives 0 '' import -q "$scratch/tree.tar" whole >/dev/null 2>&1
passed=0 failed=0
whole=$((($(date +%s%N) - started) / 1000))
want=$(tarbox images -q --digests)
gives 0 '^removed' rmi whole

# An import that was done before its end came does not count, and the next one gets less time.
killed=0 attempts=0
while [ $killed -lt $kills ] && [ $attempts -lt $((kills * 10)) ]; do
    attempts=$((attempts + 1))
    # Half of the kills hit an empty store.
    [ $((killed % 2)) = 0 ] || rm -rf "$TARBOX_ROOT"
    "${tarbox[@]}" import "$scratch/tree.tar" whole </dev/null >/dev/null 2>&1 &
    sleep "$(awk -v us=$whole -v r=$RANDOM 'BEGIN { print us * r / 32768 / 1e6 }')"
    kill -KILL $! 2>/dev/null
    wait $! 2>/dev/null
    if [ $? = 137 ]; then
        killed=$((killed + 1))
        gives 0 ' 0 damaged' verify
    else
        whole=$((whole * 9 / 10))
    fi
done
gives 0 "^$want$" import "$scratch/tree.tar" whole
gives 0 ' 0 damaged' verify
gives 0 '^(freed|would)' prune
[ -z "$(find "$TARBOX_ROOT/tmp" -type f)" ]
outcome 'nothing unfinished is left' $?
[ $killed = $kills ]
outcome "$killed imports were killed in $attempts attempts" $?
finish
