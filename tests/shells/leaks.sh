#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What many processes leave behind in a container that goes on: nothing.  Objects and guest hosts are
# those of `run --stats`, counted when the first process ends.
#
#   tests/shells/leaks.sh FOLDER COUNT -- COMMAND...
#
# FOLDER is pack.sh's; COUNT trees of processes (trees.c) must leave no more than 20 do.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 4 ] || { echo 'usage: leaks.sh FOLDER COUNT -- COMMAND...' >&2; exit 2; }
folder=$1 count=$2
shift 3
"$here/pack.sh" "$folder" || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TARBOX_ROOT=$scratch/store

# measure COMMAND: sets objects (KiB) and hosts.
measure() {
    local log=$scratch/log code=0
    "${tarbox[@]}" run --stats "$folder/rootfs.tar.gz" sh -c "$1" </dev/null >"$log" 2>&1 || code=$?
    objects=$(sed -nE 's/.* ([0-9]+) KiB of objects.*/\1/p' "$log")
    hosts=$(sed -nE 's/.* ([0-9]+) left at the end.*/\1/p' "$log")
    [ $code = 0 ] && [ -n "$objects" ] && [ -n "$hosts" ] && return
    echo "$1: exit code $code"
    cat "$log"
    exit 1
}

tarbox=("$@")
measure true # keeps the image, and the patch tables of its programs
measure 'trees 20'
few=$objects
measure "trees $count"
echo "$few KiB of objects after 20 trees, $objects after $count"
failed=0
[ $((objects - few)) -le 64 ] || failed=1 # guest hosts have records, and are not always as many
measure 'trees 20 && sleep 12'
echo "$hosts guest hosts some seconds later"
[ "$hosts" -le 3 ] || failed=1 # the first process's, and two in the pool
exit $failed
