#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Guest hosts that are killed from outside: what ran in one ends as if by SIGSEGV, the container goes
# on or ends with a message, and nothing hangs or is left behind.
#
#   tests/runner/hosts.sh -- COMMAND...
#
# COMMAND... is what comes before the root file system.  The guest is Debian's static busybox.
#
# TARBOX_LONG=1 repeats as often as the full counts say.
set -uo pipefail

[ "${1:-}" = -- ] || { echo 'usage: hosts.sh -- COMMAND...' >&2; exit 2; }
shift
command=("$@")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
mkdir -p "$scratch/tmp" "$scratch/root/bin" "$scratch/root/tmp"
export TMPDIR=$scratch/tmp TARBOX_ROOT=$scratch/store
. "$(dirname "$0")/../leftovers.sh"
[ "${TARBOX_LONG:-0}" = 0 ] && repeats=1 storms=1 turns=40 limit_s=60 ||
    repeats=10 storms=60 turns=150 limit_s=180

cp "$(command -v busybox)" "$scratch/root/bin/busybox"
for applet in cat sh sleep; do
    ln -s busybox "$scratch/root/bin/$applet"
done
mkfifo "$scratch/in"

# start SCRIPT: in a shell that is the container's first process, until it has said "ready".  Its
# input is descriptor 3.
start() {
    : >"$scratch/out"
    timeout -s KILL "$limit_s" "${command[@]}" "$scratch/root" -- sh -c "$1" \
        <"$scratch/in" >"$scratch/out" 2>"$scratch/err" 3>&- &
    limit=$!
    exec 3>"$scratch/in"
    for _ in $(seq 400); do
        grep -q ready "$scratch/out" && break
        sleep 0.05
    done
    launcher=$(pgrep -P $limit)
}

# ticks PID: the processor time it has used.
ticks() {
    awk '{ print $14 + $15 }' /proc/"$1"/stat
}

# busy COUNT: those hosts, but the eldest, that use most of the processor's time.
busy() {
    local pid pids before=()
    pids=$(hosts | tail -n +2)
    for pid in $pids; do
        before[pid]=$(ticks "$pid")
    done
    sleep 0.4
    for pid in $pids; do
        echo "$(($(ticks "$pid") - before[pid])) $pid"
    done | sort -rn | head -n "$1" | cut -d ' ' -f 2
}

# settle: until the hosts are idle, also those that are only being made: until none has used any of
# the processor's time for a while.
settle() {
    local before='' now pid
    for _ in $(seq 100); do
        now=$(for pid in $(hosts); do echo "$pid $(ticks "$pid")"; done)
        [ "$now" != "$before" ] || return
        before=$now
        sleep 0.3
    done
}

# ends WHAT EXIT_CODE OUTPUT: how the container ends.
ends() {
    wait $limit 2>/dev/null
    local code=$? output
    exec 3>&-
    output=$(tr -d '\r' <"$scratch/out" | paste -sd ' ')
    [ $code = "$2" ] && [ "$output" = "$3" ] && nothing_is_left && return
    echo "FAILED: $1: exit code $code, not $2; output \"$output\", not \"$3\""
    cat "$scratch/err"
    failed=1
}

# says TEXT: on standard error, in the one line that is tarbox's.
says() {
    [ "$(grep -c '^tarbox: ' "$scratch/err")" = 1 ] && grep -q "^tarbox: .*$1" "$scratch/err" && return
    echo "FAILED: not said: $1"
    cat "$scratch/err"
    failed=1
}

spin='while :; do :; done'
for _ in $(seq "$repeats"); do
    # A child's host.
    start "( $spin ) & echo ready; wait \$!; echo child \$?; ( exit 3 ); echo \$?; echo a | cat; exit 7"
    busy 1 | xargs -r kill -KILL
    ends 'the host of a child' 7 'ready child 139 3 a'

    # Those of two children and of a child of one of them.
    start "( $spin ) & a=\$!; ( ( $spin ) & trap '' TERM; $spin ) & b=\$!; echo ready
        wait \$a; echo \$?; wait \$b; echo \$?; echo a | cat; exit 8"
    busy 3 | xargs -r kill -KILL
    ends 'the hosts of three' 8 'ready 139 139 a'

    # One whose child is left to the first process.
    start "exec 4>&1; x=\$( ( sleep 1.5; echo orphan ) & echo ready >&4; $spin ); echo \$? \$x; exit 9"
    busy 1 | xargs -r kill -KILL
    ends 'the host of a parent' 9 'ready 139 orphan'

    # That of the first process.
    start "( $spin ) & sleep 1000 & echo ready; $spin"
    hosts | head -n 1 | xargs kill -KILL
    ends 'the host of the first process' 139 'ready'
    says 'ended by signal 11 (SIGSEGV)'

    # Idle ones.
    start 'echo a | cat | cat >/dev/null; echo ready; read x; echo $x; echo b | cat; ( exit 3 ); exit $?'
    settle
    hosts | tail -n +2 | xargs kill -KILL
    sleep 1
    (trap '' PIPE; echo word) >&3 # if the container has ended, what follows tells
    ends 'idle hosts' 3 'ready word b'

    # The launcher.
    start "( $spin ) & sleep 1000 & ( cat; $spin ) <&0 & echo ready; $spin"
    kill -KILL "$launcher"
    wait $limit 2>/dev/null
    exec 3>&-
    nothing_is_left || failed=1
done

# Hosts that end at any moment while others fork all the time: each of these says what it should or
# was ended, or what all share was left half changed.
storm='echo ready; i=0; while [ $i -lt '$turns' ]; do i=$((i + 1))
    x=$(echo a | cat); echo "cat $? $x"
    ( ( exit 4 ) & wait $!; exit $? ); echo "wait $?"
    x=$(sh -c "echo b; exit 5"); echo "exec $? $x"
done; echo end; exit 10'
right='^(ready|end|cat (0 a|0 |139 |139 a)|wait (4|139)|exec (5 b|139 |139 b))$'
for round in $(seq "$storms"); do
    start "$storm"
    # Now and then the eldest, too, which is the first process's.
    from=$((round % 5 ? 2 : 1))
    for _ in $(seq $((RANDOM % 12 + 1))); do
        sleep 0.0$((RANDOM % 90 + 10))
        hosts | tail -n "+$from" | shuf -n $((RANDOM % 2 + 1)) | xargs -r kill -KILL 2>/dev/null
    done
    wait $limit 2>/dev/null
    code=$?
    exec 3>&-
    wrong=$(tr -d '\r' <"$scratch/out" | grep -vE "$right")
    case $code in
    10) grep -q end "$scratch/out" || wrong="no end $wrong" ;;
    125) says 'ended in the middle of a change' ;; # after some ten seconds
    139) says 'ended by signal 11 (SIGSEGV)' ;;
    *) wrong="exit code $code $wrong" ;;
    esac
    if ! nothing_is_left || [ -n "$wrong" ]; then
        echo "FAILED: a storm: $wrong"
        tail -n 5 "$scratch/out" "$scratch/err"
        failed=1
    fi
done
exit $failed
