#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Standard streams in several processes: the same program, natively and under Tarbox, with files and
# pipes for input and output.
#
#   tests/guest/streams.sh PROGRAM COMMAND...
set -u

program=$1
shift
folder=$(mktemp -d "${TMPDIR:-/tmp}/streams.XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

input()
{
    printf 'first\nsecond\nthird\n'
    seq 300
}

# Input that comes in pieces.
slowly()
{
    input | while read -r line; do
        echo "$line"
        case $line in *50) sleep 0.1 ;; esac
    done
}

# Writers run at the same time: their lines come in any order, and in a file what comes first stays.
compare()
{
    for side in native tarbox; do
        head -n 4 "$folder/$side" >"$folder/$side.sorted"
        tail -n +5 "$folder/$side" | sort >>"$folder/$side.sorted"
    done
    cmp -s "$folder/native.sorted" "$folder/tarbox.sorted" && return
    echo "$1: --- natively, +++ under Tarbox"
    diff -u "$folder/native.sorted" "$folder/tarbox.sorted" | sed -n 3,20p
    failed=1
}

input >"$folder/input"

"$program" <"$folder/input" >"$folder/native" 2>&1
"$@" "$program" <"$folder/input" >"$folder/tarbox" 2>&1
compare 'files'

slowly | "$@" "$program" 2>&1 </dev/stdin | cat >"$folder/tarbox"
compare 'pipes'

# Half a file: what is left is the caller's again.
{
    read -r line
    "$@" "$program" 2>&1
    echo "$line"
} <"$folder/input" >"$folder/tarbox"
{
    read -r line
    "$program" 2>&1
    echo "$line"
} <"$folder/input" >"$folder/native"
compare 'half a file, and appending to one'

{
    sleep 1
    printf x
    i=0
    while [ ! -s "$folder/tarbox" ] && [ $i -lt 50 ]; do
        sleep 0.2
        i=$((i + 1))
    done
} | "$@" "$program" wait >"$folder/tarbox"
echo '0 failures' | cmp -s - "$folder/tarbox" || {
    echo 'one of two who wait:'
    cat "$folder/tarbox"
    failed=1
}
exit $failed
