#!/bin/bash
# SPDX-License-Identifier: MIT
#
# See Tarbox work: set up, build, pack a sample root file system and run programs from it, on
# Linux and on Windows (Wine).  Prints each command it runs.
#
#   samples/run.sh
set -euo pipefail

cd "$(dirname "$0")/.."
rootfs=build/samples/rootfs.tar.gz
linux=(build/linux-release/tarbox)
windows=(tests/wine/run.sh build/windows-release/tarbox.exe)

# show COMMAND...: as one would type it.
show() {
    local word
    printf '\n$'
    for word; do
        [[ $word =~ ^[[:alnum:]_./:=-]+$ ]] || word=${word@Q}
        printf ' %s' "$word"
    done
    echo
}

say() {
    show "$@"
    "$@"
}

# The same for what prints much: its output is shown only if it fails.
quietly() {
    local log=build/samples/build.log
    show "$@"
    "$@" >"$log" 2>&1 || { tail -n 60 "$log"; exit 1; }
}

samples() {
    say "$@" run "$rootfs" /bin/hello
    say "$@" run "$rootfs" /bin/hello-pie
    say "$@" run "$rootfs" -- hello-musl
    say "$@" run "$rootfs" /bin/threads
    say "$@" run "$rootfs" /bin/threads-musl
    say "$@" run -e GREETING='good day' -w /usr/share "$rootfs" /bin/showenv one 'two words'
    say "$@" run "$rootfs" ls -l /etc
    say "$@" run -w /usr/share "$rootfs" md5sum hello.c showenv.c threads.c
    say "$@" run --entrypoint awk "$rootfs" -F: '{ print $1, $7 }' /etc/passwd
    printf 'c\nb\na\n' | say "$@" run "$rootfs" sort
}

mkdir -p build/samples
say cmake/debian-setup.sh
say cmake/windows-deps.sh
for preset in linux-release windows-release; do
    quietly cmake --preset "$preset"
    quietly cmake --build --preset "$preset"
done
say samples/pack.sh "$rootfs"

echo
echo '== Linux =='
samples "${linux[@]}"
echo
echo '== Windows (Wine) =='
samples "${windows[@]}"
echo
echo 'All samples ran on both hosts.'
