#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Many at once: imports and runs of the same archive and of different ones.
#
#   tests/store/crowd.sh FOLDER COMMAND...     see start.sh
set -uo pipefail
. "$(dirname "$0")/start.sh"

[ "${TARBOX_LONG:-0}" = 0 ] && rounds=2 || rounds=20

# Four archives that share most of what they hold.
for n in 1 2 3 4; do
    mkdir "$scratch/tree$n"
    cp -a "$root/bin" "$root/etc" "$scratch/tree$n"
    echo "$n" >"$scratch/tree$n/etc/number"
    head -c 300000 /dev/urandom >"$scratch/tree$n/etc/noise"
    tar -C "$scratch/tree$n" -czf "$scratch/$n.tar.gz" .
done

# together COMMAND...: eight at once, given 1 to 8; none may fail.
together() {
    local n pids=() bad=0
    for n in 1 2 3 4 5 6 7 8; do
        "$@" "$n" >"$scratch/out$n" 2>&1 &
        pids+=($!)
    done
    for n in 1 2 3 4 5 6 7 8; do
        wait "${pids[n - 1]}" && continue
        head -n 3 "$scratch/out$n"
        bad=1
    done
    return $bad
}

run_same() {
    [ "$(tarbox run "$scratch/1.tar.gz" cat /etc/number)" = 1 ]
}

run_different() {
    local number=$((($1 - 1) % 4 + 1))
    [ "$(tarbox run "$scratch/$number.tar.gz" cat /etc/number)" = $number ]
}

# Every kind of change at the same time.
mixed() {
    case $1 in
    1 | 2) tarbox import "$scratch/$1.tar.gz" "name$1" ;;
    3 | 4) run_different "$1" ;;
    5) tarbox import "$scratch/tree1" tree ;;
    6) tarbox images --json ;;
    7) tarbox prune ;;
    8) run_same ;;
    esac
}

for round in $(seq $rounds); do
    rm -rf "$TARBOX_ROOT"
    together run_same
    outcome "round $round: eight runs of one archive" $?
    [ "$(find "$TARBOX_ROOT" -name '*.pack' -o -name '*.img' | wc -l)" = 2 ]
    outcome "round $round: it was imported once" $?
    together run_different
    outcome "round $round: eight runs of four archives" $?
    together mixed
    outcome "round $round: imports, runs and a prune" $?
    gives 0 '^[45] images.* 0 damaged' verify
done
finish
