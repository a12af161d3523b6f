#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The first run of a large image, its import into a store flushed to the disk, and a later run,
# against `gzip -dc` of the same archive to nowhere, `tar xzf` to a tmpfs, and the program itself.
# Best of ROUNDS, in turns; of later runs, best of ten times as many.
#
#   tests/bench/import.sh [ROOTFS.tar.gz PROGRAM]     ROUNDS=5
#
# Unless told, the archive is a Debian minbase with python3-minimal, filled up with copies of its
# /usr/share to 125 MB compressed, and the program a static hello in it; made once, by root.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
work=$top/build/bench
archive=${1:-$work/minbase.tar.gz}
program=${2:-/bin/hello-static}
rounds=${ROUNDS:-5}
size=125000000
linux=$top/build/linux-release/tarbox
windows=("$top/tests/wine/run.sh" "$top/build/windows-release/tarbox.exe")

make_archive() {
    local root=$work/minbase copy=0
    rm -rf "$root"
    debootstrap --variant=minbase --include=python3-minimal bookworm "$root" >&2
    cc -O2 -static -o "$root/bin/hello-static" "$top/samples/hello.c"
    tar -C "$root" --exclude=./dev --exclude=./proc --exclude=./sys -cf "$work/minbase.tar" .
    while gzip -c "$work/minbase.tar" >"$archive.tmp" && [ "$(stat -c %s "$archive.tmp")" -lt $size ]; do
        copy=$((copy + 1))
        mkdir -p "$root/fill/$copy"
        cp -a "$root/usr/share/." "$root/fill/$copy/"
        tar -C "$root" -rf "$work/minbase.tar" "./fill/$copy"
    done
    mv "$archive.tmp" "$archive"
    rm -rf "$root" "$work/minbase.tar"
}

# seconds COMMAND...: what it takes, in ms.
milliseconds() {
    local begin end
    begin=$(date +%s%N)
    "$@" >/dev/null 2>&1 </dev/null || true
    end=$(date +%s%N)
    echo $(((end - begin) / 1000000))
}

smaller() {
    [ "$1" -lt "$2" ] && echo "$1" || echo "$2"
}

# The most anonymous memory of all processes under one, in KiB, looked at every few milliseconds.
peak_anonymous() {
    local peak=0 now pid
    "$@" >/dev/null 2>&1 </dev/null &
    pid=$!
    while kill -0 $pid 2>/dev/null; do
        now=$({ echo $pid; pgrep -P $pid || true; } |
            while read -r p; do awk '/^Anonymous:/ { print $2 }' "/proc/$p/smaps_rollup" 2>/dev/null || true; done |
            awk '{ s += $1 } END { print s + 0 }')
        [ "$now" -le $peak ] || peak=$now
    done
    wait $pid || true
    echo $peak
}

mkdir -p "$work"
[ -f "$archive" ] || make_archive
store=$(mktemp -d)
trap 'rm -rf "$store" "$unpacked"' EXIT
unpacked=$(mktemp -d -p /dev/shm)
native=$store/native
cc -O2 -static -o "$native" "$top/samples/hello.c"

first() {
    rm -rf "$store/store"
    "$@" run --root "$store/store" "$archive" "$program"
}
later() {
    "$@" run --root "$store/store" "$archive" "$program"
}
unpack() {
    rm -rf "${unpacked:?}"/*
    tar -C "$unpacked" -xzf "$archive"
}

# microseconds COMMAND...: best of many.
microseconds() {
    local best=999999999 begin end
    for _ in $(seq $((rounds * 10))); do
        begin=$(date +%s%N)
        "$@" >/dev/null 2>&1 </dev/null || true
        end=$(date +%s%N)
        best=$(smaller $best $(((end - begin) / 1000)))
    done
    echo "$best"
}

gzip=999999 tar=999999 on_linux=999999 on_windows=999999
for _ in $(seq "$rounds"); do
    gzip=$(smaller $gzip "$(milliseconds gzip -dc "$archive")")
    tar=$(smaller $tar "$(milliseconds unpack)")
    on_linux=$(smaller $on_linux "$(milliseconds first "$linux")")
    on_windows=$(smaller $on_windows "$(milliseconds first "${windows[@]}")")
done
memory=$(peak_anonymous first "$linux")
start_linux=$(microseconds later "$linux")
first "${windows[@]}" >/dev/null 2>&1
start_windows=$(microseconds later "${windows[@]}")
start_exe=$(microseconds "${windows[@]}" --version)
start_native=$(microseconds "$native")

echo "| $(stat -c %s "$archive") bytes, $(tar -tzf "$archive" | wc -l) names | ms | of gzip | peak memory |"
echo '| --- | --- | --- | --- |'
echo "| gzip -dc | $gzip | | |"
echo "| tar xzf to a tmpfs | $tar | | |"
echo "| Linux, first run | $on_linux | $((on_linux * 100 / gzip)) % | $memory KiB anonymous |"
echo "| Wine, first run | $on_windows | $((on_windows * 100 / gzip)) % | |"
echo
echo '| start to exit of a static hello, cached | us |'
echo '| --- | --- |'
echo "| natively | $start_native |"
echo "| Linux | $start_linux |"
echo "| Wine: tarbox --version, a trivial program | $start_exe |"
echo "| Wine | $start_windows |"
