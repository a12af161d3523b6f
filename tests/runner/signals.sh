#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The user's signals reach the guest, and nothing outlives the launcher.
#
#   tests/runner/signals.sh WAIT_SIGNAL [CONTROL] -- COMMAND...
#
# WAIT_SIGNAL is the guest program (tests/guest/wait_signal.c); COMMAND... is what comes before it.
# CONTROL, on Windows, runs a command and presses keys (control.c); elsewhere signals are sent.
set -uo pipefail

program=$1 control=
shift
[ "$1" = -- ] || { control=$1; shift; }
shift
command=("$@")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
mkdir "$scratch/tmp"
export TMPDIR=$scratch/tmp
. "$(dirname "$0")/../leftovers.sh"

# expect WHAT EXIT_CODE OUTPUT
expect() {
    local code=$?
    [ "$code" = "$2" ] && [ "$(tr -d '\r' <"$scratch/out" | paste -sd ' ')" = "$3" ] && return
    echo "FAILED: $1: exit code $code, not $2; output, not \"$3\":"
    cat "$scratch/out" "$scratch/err"
    failed=1
}

# Start the program with its output in $scratch/out, and wait until it is there.
start() {
    : >"$scratch/out"
    timeout -s KILL 50 "${command[@]}" "$program" "$1" </dev/null >"$scratch/out" 2>"$scratch/err" &
    limit=$!
    for _ in $(seq 300); do
        grep -q ready "$scratch/out" && break
        sleep 0.1
    done
    launcher=$(pgrep -P $limit)
}

# sends SIGNAL.. HOW EXIT_CODE OUTPUT: send signals to the launcher.
sends() {
    local signals=$1
    start "$2"
    for signal in $signals; do
        kill -s "$signal" "$launcher"
        sleep 0.3
    done
    wait $limit
    expect "$signals, $2" "$3" "$4"
}

# presses KEYS HOW EXIT_CODE OUTPUT
presses() {
    timeout -s KILL 50 "${command[@]:0:${#command[@]}-2}" "$control" "$1" "${command[@]: -2}" \
        "$program" "$2" </dev/null >"$scratch/out" 2>"$scratch/err"
    local code=$?
    if [ $code = 77 ]; then
        echo "not tested here: $(cat "$scratch/err")"
        return
    fi
    (exit $code)
    expect "keys $1, $2" "$3" "$4"
}

if [ "$control" ]; then
    presses c take 42 'ready signal 2'
    presses b take 43 'ready signal 3'
    presses c default 130 ready
    presses cc ignore 137 ready
else
    sends TERM take 55 'ready signal 15'
    sends HUP take 41 'ready signal 1'
    sends INT take 42 'ready signal 2'
    sends QUIT take 43 'ready signal 3'
    sends INT default 130 ready
    sends 'INT INT' ignore 137 ready
fi

# A launcher that is killed takes its guest with it.
start take
kill -KILL "$launcher"
wait $limit 2>/dev/null
nothing_is_left || failed=1
exit $failed
