#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Whole programs natively (chroot) and under Tarbox on both hosts, in turns, with a second native run
# as the control: a shell that starts 1000 programs, and `gzip -9` of 100 MB.
#
#   tests/bench/work.sh      ROUNDS=11
#
# Best of ROUNDS; seconds from command to exit.  A ratio counts only if the control is within half
# its margin.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
rounds=${ROUNDS:-11}
mkdir -p "$top/build/bench"
work=$(mktemp -d -p "$top/build/bench")
native=$work/root
if mountpoint -q /dev/shm; then # the native tree is on a tmpfs, as the guest's is in memory
    native=$(mktemp -d /dev/shm/work.XXXXXX)
fi
trap 'rm -rf "$work" "$native"' EXIT

mkdir -p "$native"/{bin,data,dev,tmp}
cp "$(command -v busybox)" "$native/bin/busybox"
ln -s busybox "$native/bin/sh"
# Text and code, as an archive has them: 100 MB that compress to about a third.
find /usr/share /usr/lib -xdev -type f -size -2000k -print0 2>/dev/null | sort -z |
    xargs -0 cat 2>/dev/null | head -c 100000000 >"$native/data/file" || true
mknod -m 666 "$native/dev/null" c 1 3
tar -C "$native" -czf "$work/rootfs.tar.gz" .

fork1000=(/bin/busybox sh -c 'for i in $(/bin/busybox seq 1000); do /bin/busybox true; done')
gzip9=(/bin/busybox sh -c '/bin/busybox gzip -9 </data/file >/dev/null')
linux=("$top/build/linux-release/tarbox" run --root "$work/linux" "$work/rootfs.tar.gz")
windows=("$top/tests/wine/run.sh" "$top/build/windows-release/tarbox.exe" run --root "$work/windows"
    "$work/rootfs.tar.gz")

# once SIDE COMMAND...: microseconds.
once() {
    local begin command=(chroot "$native")
    case $1 in
    linux) command=("${linux[@]}") ;;
    windows) command=("${windows[@]}") ;;
    esac
    shift
    begin=${EPOCHREALTIME/./}
    "${command[@]}" "$@" </dev/null >/dev/null 2>&1
    echo $((${EPOCHREALTIME/./} - begin))
}

once linux "${fork1000[@]}" >/dev/null # imports, and scans the program
once windows "${fork1000[@]}" >/dev/null
for round in $(seq "$rounds"); do
    for what in fork1000 gzip9; do
        declare -n command=$what
        for side in native linux control windows; do
            printf '%s\t%s\t%s\n' "$side" "$what" "$(once "$side" "${command[@]}")"
        done
    done
done | awk -F'\t' '
    !(($1, $2) in best) || $3 < best[$1, $2] { best[$1, $2] = $3 }
    function cell(side, what) { return sprintf("%.3f", best[side, what] / 1e6) }
    function ratio(side, what) { return sprintf("%.3f", best[side, what] / best["native", what]) }
    END {
        print "| program | native s | control | Linux s | ratio | Wine s | ratio |"
        print "| --- | --- | --- | --- | --- | --- | --- |"
        split("fork1000 gzip9", names, " ")
        for (i = 1; i <= 2; i++) {
            n = names[i]
            printf "| %s | %s | %s | %s | %s | %s | %s |\n", n, cell("native", n), ratio("control", n),
                cell("linux", n), ratio("linux", n), cell("windows", n), ratio("windows", n)
        }
    }'
