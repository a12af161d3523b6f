#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What changes the store is killed at any moment: guest hosts of a container that is kept, and commit,
# cp, prune, rmi and rm beside it.  The store is whole, and the container as it was before or after.
#
#   tests/store/killed.sh FOLDER COMMAND...     see start.sh
set -uo pipefail
. "$(dirname "$0")/start.sh"
mkdir "$scratch/tmp"
export TMPDIR=$scratch/tmp
. "$here/../leftovers.sh"

[ "${TARBOX_LONG:-0}" = 0 ] && kills=4 || kills=100
gives 0 '' import -q "$archive" base:1 >/dev/null
passed=0 failed=0

# pause US: until any moment before so many microseconds are over; without a process that sleeps, for
# some commands take no longer than its start.
mkfifo "$scratch/never"
exec 8<>"$scratch/never"
pause() {
    local seconds
    printf -v seconds '0.%06d' $(($1 * RANDOM / 32768))
    read -rt "$seconds" -u 8
}

# took COMMAND...: sets $us, the microseconds it takes.
took() {
    us=${EPOCHREALTIME/./}
    "$@" >/dev/null
    us=$((${EPOCHREALTIME/./} - us))
}

# gone: what ran in the container called count has ended.
gone() {
    for _ in $(seq 100); do # Wine's program may outlive what started it
        tarbox ps | grep -q '^count .* running' || return 0
        sleep 0.1
    done
    return 1
}

# It is at $count or one more, and whole.
count_is_kept() {
    local now
    gone
    now=$(tarbox run --name count base:1 sh -c 'sha256sum -c /sums >/dev/null && cat /count' | tr -d '\r')
    [ "$now" = "$count" ] || [ "$now" = $((count + 1)) ]
    outcome "$1: it was at $count and is at $now" $?
    count=$now
}

# ---- Guest hosts ----
more='for f in a b c d; do dd if=/dev/urandom of=/$f bs=1000 count=300 status=none & done; wait
    sha256sum /a /b /c /d >/sums.new'
tarbox run --name count base:1 sh -c "$more"'; mv /sums.new /sums; echo 0 >/count'
outcome 'the container is made' $?
# raise: let the count be one more, with a process beside the first one.
raise() {
    "${tarbox[@]}" run --name count base:1 sh -c "sh -c 'cat /a /b | sha256sum >/tmp/sum' &
        echo $((count + 1)) >/count.new; sleep 0.2; mv /count.new /count; sleep 0.2; wait" </dev/null >/dev/null 2>&1
}
count=0 hit=0 attempts=0
took raise
count=1
while [ $hit -lt $kills ] && [ $attempts -lt $((kills * 10)) ]; do
    attempts=$((attempts + 1))
    raise &
    pid=$!
    pause "$us"
    host=$(hosts | shuf -n 1)
    [ -n "$host" ] && kill -KILL "$host" 2>/dev/null && hit=$((hit + 1))
    wait $pid 2>/dev/null
    count_is_kept "guest host $hit is killed"
done
[ $hit = $kills ]
outcome "$hit guest hosts were killed in $attempts attempts" $?
gives 0 ' 0 damaged' verify

# ---- Commands ----
head -c 3000000 /dev/urandom >"$scratch/file"

# prepare NAME: what the command needs.
prepare() {
    case $1 in
    rmi | prune) tarbox commit count made:1 >/dev/null ;;
    rm) tarbox run --name other base:1 sh -c 'dd if=/dev/urandom of=/x bs=1000 count=500 status=none' ;;
    esac
    [ "$1" != prune ] || tarbox rmi made:1 >/dev/null
} 2>/dev/null

declare -A command=(
    [commit]='commit count made:1'
    [cp]="cp -q $scratch/file count:/came"
    [prune]='prune'
    [rmi]='rmi made:1'
    [rm]='rm other'
)
for name in commit cp prune rmi rm; do
    killed=0 attempts=0
    prepare $name
    # shellcheck disable=SC2086 # plain words
    took tarbox ${command[$name]}
    while [ $killed -lt $kills ] && [ $attempts -lt $((kills * 20)) ]; do
        attempts=$((attempts + 1))
        prepare $name
        # shellcheck disable=SC2086 # plain words
        "${tarbox[@]}" ${command[$name]} </dev/null >/dev/null 2>&1 &
        pause $us
        kill -KILL $! 2>/dev/null
        wait $! 2>/dev/null
        if [ $? = 137 ]; then
            killed=$((killed + 1))
            gives 0 ' 0 damaged' verify
            count_is_kept "$name $killed is killed"
        else
            us=$((us * 8 / 10 + 100))
        fi
    done
    [ $killed = $kills ]
    outcome "$name: $killed were killed in $attempts attempts" $?
done

gives 0 '^count$' rm count
gives 0 '^(freed|would)' prune
[ -z "$(find "$TARBOX_ROOT/tmp" -type f)" ]
outcome 'nothing unfinished is left' $?
gives 0 ' 0 damaged' verify
nothing_is_left
outcome 'nothing is left behind' $?
finish
