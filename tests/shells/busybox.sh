#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Busybox's own test-suite, natively in a chroot and under Tarbox: what passes natively must pass.
#
#   tests/shells/busybox.sh FOLDER APPLET... -- COMMAND...
#
# FOLDER is pack.sh's, APPLET one with tests, or "all" for every one that busybox.skip does not list;
# COMMAND... runs tarbox.  What happened natively is kept in FOLDER/expected.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 4 ] || { echo 'usage: busybox.sh FOLDER APPLET... -- COMMAND...' >&2; exit 2; }
folder=$1
shift
applets=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    applets+=("$1")
    shift
done
shift
"$here/pack.sh" "$folder" || exit 1
expected=$folder/expected/busybox.$(IFS=-; echo "${applets[*]}")
suite=$folder/root/usr/busybox/testsuite
if [ "${applets[*]}" = all ]; then
    mapfile -t applets < <(
        find "$suite" -mindepth 1 -maxdepth 1 \( -name '*.tests' -o -type d \) -printf '%f\n' |
            sed 's/\.tests$//' | sort -u | grep -vxF -f <(sed -n 's/^\([^# ]*\) .*/\1/p' "$here/busybox.skip")
    )
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TARBOX_ROOT=${TARBOX_ROOT:-$scratch/store}
limit=1100
[ -z "${TARBOX_LONG:-}" ] || limit=7000
command=(sh -c
    'mkdir /tmp/work && cd /tmp/work && exec sh /scripts/busybox-tests.sh "$@"' sh 300 "${applets[@]}")

if [ ! -f "$expected" ]; then
    timeout -k 5 $limit "$here/native.sh" "$folder/root" "${command[@]}" </dev/null \
        >"$scratch/native" 2>"$scratch/native.err"
    if [ "$(tail -n 1 "$scratch/native")" != finished ]; then
        echo 'natively it does not finish'
        tail "$scratch/native.err"
        exit 1
    fi
    mv "$scratch/native" "$expected"
fi
timeout -k 5 $limit "$@" run -e HOSTNAME=guest "$folder/rootfs.tar.gz" "${command[@]}" </dev/null \
    >"$scratch/guest" 2>"$scratch/guest.err"
# A test of a name may come more than once: as often as natively.
lost=$(comm -23 <(grep '^PASS' "$expected" | sort) <(grep '^PASS' "$scratch/guest" | sort))
count=$(grep -c '^PASS' "$expected")
failed=$(printf '%s' "$lost" | grep -c '')
if [ "$(tail -n 1 "$scratch/guest")" != finished ]; then
    echo 'it did not finish'
    failed=$((failed + 1))
fi
[ -z "$lost" ] || echo "$lost" | sed 's/^PASS/not passed:/'
[ "$failed" = 0 ] || tail "$scratch/guest.err"
echo "$((count - failed)) of $count passed that pass natively"
[ "$count" -gt 0 ] && [ "$failed" = 0 ]
