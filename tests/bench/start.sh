#!/bin/bash
# SPDX-License-Identifier: MIT
#
# From command to exit of a static hello in an imported image: natively, by crun (if it is there,
# and for root, with a cgroup tree of its own), and by Tarbox on both hosts, for images of 5 MB,
# 125 MB and 1 GB; and the memory that the launcher and the guest host take.
#
#   tests/bench/start.sh     ROUNDS=300
#
# Best and median of ROUNDS, in turns (start.c).  The 125 MB image is import.sh's.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
work=$top/build/bench
rounds=${ROUNDS:-300}
linux=$top/build/linux-release/tarbox
windows=("$top/tests/wine/run.sh" "$top/build/windows-release/tarbox.exe")
[ -f "$work/minbase.tar.gz" ] || ROUNDS=1 "$top/tests/bench/import.sh" >/dev/null

scratch=$(mktemp -d -p "$work")
trap 'rm -rf "$scratch"' EXIT
cc -O2 -o "$scratch/start" "$top/tests/bench/start.c"
cc -O2 -static -o "$scratch/hello" "$top/samples/hello.c"
echo '#include <stdio.h>
int main(void) { return getchar() != EOF; }' >"$scratch/waits.c"
cc -O2 -static -o "$scratch/waits" "$scratch/waits.c"

# An image of so many megabytes that do not compress, with hello in it.
make_image() {
    mkdir -p "$scratch/$1/bin"
    cp "$scratch/hello" "$scratch/$1/bin/hello-static"
    for i in $(seq "$2"); do
        head -c 1000000 /dev/urandom >"$scratch/$1/file$i"
    done
}
make_image small 4
make_image large 1000
for root in linux windows; do
    command=("$linux")
    [ $root = linux ] || command=("${windows[@]}")
    export TARBOX_ROOT=$scratch/$root
    "${command[@]}" import "$scratch/small" small >/dev/null 2>&1
    "${command[@]}" import "$scratch/large" large >/dev/null 2>&1
    "${command[@]}" import "$work/minbase.tar.gz" middle >/dev/null 2>&1
    for image in small middle large; do # programs are scanned at the first run
        "${command[@]}" run $image /bin/hello-static >/dev/null 2>&1
    done
done
rm -rf "$scratch/large"

on_linux() {
    "$scratch/start" "$rounds" native "$scratch/hello" "$@" \
        -- 'Linux, 5 MB' "$linux" run --root "$scratch/linux" small /bin/hello-static \
        -- 'Linux, 125 MB' "$linux" run --root "$scratch/linux" middle /bin/hello-static \
        -- 'Linux, 1 GB' "$linux" run --root "$scratch/linux" large /bin/hello-static
}
if [ "$(id -u)" = 0 ] && command -v crun >/dev/null; then
    mkdir -p "$scratch/bundle/rootfs/bin"
    cp "$scratch/hello" "$scratch/bundle/rootfs/bin/hello"
    (cd "$scratch/bundle" && crun spec)
    sed -i 's/"sh"/"\/bin\/hello"/; s/"terminal": true/"terminal": false/' "$scratch/bundle/config.json"
    export -f on_linux
    export scratch rounds linux
    unshare -m bash -c '
        umount -R /sys/fs/cgroup 2>/dev/null
        mount -t cgroup2 none /sys/fs/cgroup
        on_linux -- crun crun --cgroup-manager=disabled run --bundle "$scratch/bundle" bench'
else
    on_linux
fi
echo
"$scratch/start" "$((rounds / 5 + 1))" 'Wine, tarbox --version' "${windows[@]}" --version \
    -- 'Wine, 5 MB' "${windows[@]}" run --root "$scratch/windows" small /bin/hello-static \
    -- 'Wine, 125 MB' "${windows[@]}" run --root "$scratch/windows" middle /bin/hello-static \
    -- 'Wine, 1 GB' "${windows[@]}" run --root "$scratch/windows" large /bin/hello-static
echo

# The memory of its own, in KiB, that a command and all its descendants have while it waits for its
# standard input: anonymous pages and the container's shared ones, shares of them counted once.
memory() {
    local pid p n sum=0 all
    sleep 3 | "$@" >/dev/null 2>&1 &
    pid=$!
    sleep 2
    all=$pid
    for p in $all; do all="$all $(pgrep -P "$p" | tr '\n' ' ')"; done
    for p in $all $(pgrep -P "$(echo "$all" | tr -s ' ' ',' | sed 's/,$//')" || true); do
        n=$(awk '/^Pss_(Anon|Shmem):/ { s += $2 } END { print s + 0 }' "/proc/$p/smaps_rollup" \
            2>/dev/null || echo 0)
        sum=$((sum + n))
    done
    wait $pid || true
    echo "$sum"
}
native=$(memory "$scratch/waits")
tarbox=$(memory "$linux" run --root "$scratch/linux" "$scratch/waits")
echo "memory of a program that waits: natively $native KiB, in Tarbox on Linux $tarbox KiB"
if command -v x86_64-w64-mingw32-gcc >/dev/null; then
    x86_64-w64-mingw32-gcc -O2 -o "$scratch/waits.exe" "$scratch/waits.c"
    native=$(memory "${windows[0]}" "$scratch/waits.exe")
    tarbox=$(memory "${windows[@]}" run --root "$scratch/windows" "$scratch/waits")
    echo "under Wine: an .exe that waits $native KiB, in Tarbox $tarbox KiB"
fi
