#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Test of the Wine harness itself.
#
#   tests/wine/test_harness.sh PROBE-EXE
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
run=$here/run.sh
probe=$(realpath "$1")
seccomp=$here/../../build/wine-harness/seccomp
sigsys=$((128 + 31))
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd /
failures=0

# expect NAME WANTED-CODE COMMAND...: its output is shown if the code differs.
expect() {
    local name=$1 wanted=$2 got=0
    shift 2
    { timeout -k 5 60 "$@"; } >"$work/log" 2>&1 || got=$?
    [ "$got" -eq "$wanted" ] && return
    echo "$name: exit code $got, not $wanted"
    cat "$work/log"
    failures=$((failures + 1))
}

# same NAME WANTED GOT
same() {
    [ "$2" = "$3" ] && return
    echo "$1: '$3', not '$2'"
    failures=$((failures + 1))
}

expect arguments 0 "$run" "$probe" args /tmp/x.tar.gz 'a b' '' -- 'c"d\' '$HOME *'
expect 'missing program' 127 "$run" /nonexistent.exe

out=$(echo in | TARBOX_PROBE=value "$run" "$probe" echo 42 2>"$work/stderr")
same 'exit code' 42 $?
same stdout in "${out%$'\r'}"
same stderr value "$(cat "$work/stderr")"

expect 'guest code without a system call' 0 "$run" "$probe" guest-code
expect 'guest code with a system call' $sigsys "$run" "$probe" guest-syscall

# A kernel without FSGSBASE forgets an FS base that a program has set.
if (($(LD_SHOW_AUXV=1 /bin/true | sed -n 's/^AT_HWCAP2: *//p') & 2)); then
    expect 'breakpoints on a foreign FS base' 0 "$run" "$probe" fault
    expect 'suspension on a foreign FS base' 0 "$run" "$probe" suspend
fi

# The low range cannot be had in a Windows process that was started directly, but on Linux it can.
cc -nostdlib -static -no-pie -o "$work/lowcall" "$here/lowcall.S" || failures=$((failures + 1))
expect 'low code, unfiltered' 0 "$work/lowcall"
expect 'low code, filtered' $sigsys "$seccomp" "$work/lowcall"
expect 'host program, filtered' 0 "$seccomp" true

for i in 1 2 3 4 5 6; do
    "$run" "$probe" guest-code >"$work/log.$i" 2>&1 &
    running[i]=$!
done
for i in 1 2 3 4 5 6; do
    wait "${running[i]}"
    same "concurrent run $i" 0 $?
done

[ $failures -eq 0 ]
