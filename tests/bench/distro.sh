#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Dynamic programs of a Debian image, natively (chroot) and under Tarbox on both hosts, in turns, with
# a second native run as the control: from command to exit of small ones, and what takes longer.
#
#   tests/bench/distro.sh [NAME...]     ROUNDS=21 WORK_ROUNDS=3
#
# `find`, `grep`, `tar`, `untar` and `sha256sum` go over the image's files; the native ones are in a
# tmpfs, as the guest's are in memory.
#
# Best of so many, in milliseconds.  A ratio counts only if the control is within half its margin.
# The image is that of tests/distro/image.sh.  Needs root.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
here=$top/tests/distro
tree=debian # for tree.sh: root, archive
export tree
. "$here/tree.sh"
mkdir -p "$top/build/bench"
work=$(mktemp -d -p "$top/build/bench")
trap 'rm -rf "$work"' EXIT
find /usr/share /usr/lib -xdev -type f -size -2000k -print0 2>/dev/null | sort -z |
    xargs -0 cat 2>/dev/null | head -c 100000000 >"$work/file" || true
head -c 20000000 "$work/file" >"$work/fifth"
g++ -O2 -pthread -o "$work/churn" "$top/tests/bench/churn.cpp"

wanted=${*:+ $* } # all, if none is named

declare -A start=(
    [true]='true'
    [git]='git --version'
    [python]='python3 -c pass'
    [node]='node -e 0'
)
declare -A long=(
    [python-loop]='python3 -c "print(sum(i * i % 7 for i in range(10000000)))"'
    [gzip-9]='gzip -9 </share/file | wc -c'
    [xz-20M]='xz -T1 </share/fifth | wc -c'
    [sqlite]='sqlite3 :memory: "create table t(a, b); with recursive c(n) as (select 1 union all select n + 1 from c where n < 5000000) insert into t select n, n * 7 from c; select sum(b) from t"'
    [malloc-c++]='/share/churn 2 2000000'
    [make-j2]='cp -r /usr/src/zlib /tmp/z && cd /tmp/z && ./configure && make -j2'
)

declare -A files=(
    [find]='find / -xdev | wc -l'
    [grep]='grep -r "no such text" /usr | wc -l'
    [tar]='tar -C / -c usr | wc -c'
    [untar]='rm -rf /tmp/u && mkdir /tmp/u && tar -C /tmp/u -xf /share/some.tar && ls /tmp/u | wc -l'
    [sha256sum]='find /usr -xdev -type f -print0 | xargs -0 sha256sum | wc -l'
)

# once SIDE COMMAND: microseconds.  What writes has a native root of its own.
once() {
    local begin command
    case $1 in
    linux) command=("$top/build/linux-release/tarbox" run --root "$work/linux" -v "$work:/share:ro" "$archive") ;;
    windows)
        command=("$top/tests/wine/run.sh" "$top/build/windows-release/tarbox.exe" run --root "$work/windows"
            -v "$work:/share:ro" "$archive")
        ;;
    *) command=("$here/native.sh" "$root" "$work") ;;
    esac
    # shellcheck disable=SC2206 # a start is plain words
    if [ "$2" = start ]; then
        [[ $1 == linux || $1 == windows ]] || command=(chroot "$root")
        command+=($3)
    elif [ "$2" = files ]; then
        [[ $1 == linux || $1 == windows ]] || command=(chroot "$memory")
        command+=(sh -c "$3")
    else
        command+=(sh -c "$3")
    fi
    begin=${EPOCHREALTIME/./}
    "${command[@]}" </dev/null >/dev/null 2>&1
    echo $((${EPOCHREALTIME/./} - begin))
}

# measure KIND ROUNDS NAME COMMAND
measure() {
    local round side
    once linux "$1" "$4" >/dev/null # imports, and scans what it runs
    once windows "$1" "$4" >/dev/null
    for round in $(seq "$2"); do
        for side in native linux control windows; do
            printf '%s\t%s\t%s\n' "$side" "$3" "$(once $side "$1" "$4")"
        done
    done
}

# A tree in memory, and an archive of 3,100 files, if they are asked for.
memory=
for name in "${!files[@]}"; do
    [[ -n $memory || ( -n $wanted && $wanted != *" $name "* ) ]] && continue
    memory=$(mktemp -d /dev/shm/bench.XXXXXX)
    trap 'umount "$memory/share" 2>/dev/null; rm -rf "$work" "$memory"' EXIT
    chmod 755 "$memory"
    cp -a "$root/." "$memory"
    (cd "$root" && find usr/share -type f | sort | sed -n 1,3100p) >"$work/list"
    tar -C "$root" -cf "$work/some.tar" -T "$work/list"
    mkdir -p "$memory/share"
    mount --bind "$work" "$memory/share"
done

{
    for name in true git python node; do
        [[ -z $wanted || $wanted == *" $name "* ]] || continue
        measure start "${ROUNDS:-21}" $name "${start[$name]}"
    done
    for name in python-loop gzip-9 xz-20M sqlite malloc-c++ make-j2; do
        [[ -z $wanted || $wanted == *" $name "* ]] || continue
        measure long "${WORK_ROUNDS:-3}" $name "${long[$name]}"
    done
    for name in find grep tar untar sha256sum; do
        [[ -z $wanted || $wanted == *" $name "* ]] || continue
        measure files "${WORK_ROUNDS:-3}" $name "${files[$name]}"
    done
} | awk -F'\t' '
    !(($1, $2) in best) || $3 < best[$1, $2] { best[$1, $2] = $3 }
    !($2 in seen) { seen[$2] = 1; names[++count] = $2 }
    function cell(side, what) { return sprintf("%.1f", best[side, what] / 1e3) }
    function ratio(side, what) { return sprintf("%.2f", best[side, what] / best["native", what]) }
    END {
        print "| program | native ms | control | Linux ms | ratio | Wine ms | ratio |"
        print "| --- | --- | --- | --- | --- | --- | --- |"
        for (i = 1; i <= count; i++) {
            n = names[i]
            printf "| %s | %s | %s | %s | %s | %s | %s |\n", n, cell("native", n), ratio("control", n),
                cell("linux", n), ratio("linux", n), cell("windows", n), ratio("windows", n)
        }
    }'
