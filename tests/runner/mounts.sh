#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What is mounted and how: --tmpfs, --mount, --read-only, --shm-size, --storage.
#
#   tests/runner/mounts.sh MOUNTED -- COMMAND...
#
# MOUNTED is the guest program (tests/guest/mounted.c), which runs natively first where user
# namespaces allow it; COMMAND... is what comes before the root file system.  The rest is asked of
# Debian's static busybox.
set -uo pipefail

program=$1
shift 2
command=("$@")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
root=$scratch/root
export TARBOX_ROOT=$scratch/store
mkdir -p "$root/bin" "$root/etc" "$root/fixture/directory" "$root/tmp" "$scratch/host"
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$program" "$root/bin/mounted"
for applet in cat dd df grep id ls mkdir pwd rm sh stat touch; do
    ln -s busybox "$root/bin/$applet"
done
echo text >"$root/fixture/file"
ln -s file "$root/fixture/link"
mkfifo "$root/fixture/fifo"
echo host >"$scratch/host/there"

# [code=N] shows TEXT ARG...: with these arguments, tarbox run prints TEXT and ends with N, or 0.
shows() {
    local want=$1 want_code=${code:-0} code
    shift
    timeout -s KILL 100 "${command[@]}" "$@" </dev/null >"$scratch/out" 2>"$scratch/err"
    code=$?
    [ $code = "$want_code" ] && [ "$(tr -d '\r' <"$scratch/out" | paste -sd '|')" = "$want" ] && return
    echo "FAILED: $*: exit code $code; output, not \"$want\":"
    cat "$scratch/out" "$scratch/err"
    failed=1
}

# refuses TEXT ARG...: it says TEXT, and its exit code is 125.
refuses() {
    local want=$1 code
    shift
    timeout -s KILL 100 "${command[@]}" "$@" "$root" true </dev/null >"$scratch/out" 2>"$scratch/err"
    code=$?
    [ $code = 125 ] && grep -qF -- "$want" "$scratch/err" && return
    echo "FAILED: $*: exit code $code; output, not \"$want\":"
    cat "$scratch/out" "$scratch/err"
    failed=1
}

# The oracle.
native='mkdir "$1/ro" "$1/rw" && mount -t tmpfs none "$1/ro" && mount -t tmpfs -o noexec none "$1/rw" &&
    cp -a "$2"/. "$1/ro" && mount -o remount,ro "$1/ro" && "$3" read-only "$1/ro" "$1/rw" &&
    "$3" noexec "$1/rw"'
if unshare -rm true 2>/dev/null; then
    unshare -rm sh -c "$native" sh "$scratch" "$root/fixture" "$program" >"$scratch/native" ||
        { echo "FAILED: natively"; cat "$scratch/native"; failed=1; }
fi

# A read-only root, and one that is mounted.
none='0 failures'
shows "$none" --tmpfs /tmp -v "$root/fixture:/ro:ro" "$root" mounted read-only-folder /ro /tmp
shows "$none" --tmpfs /tmp --tmpfs /run "$root" mounted noexec /run
shows 'no' --read-only "$root" sh -c 'touch /x 2>/dev/null || echo no; touch /dev/shm/x'
shows 'a' --read-only --tmpfs /tmp -w /made "$root" sh -c 'echo a >/tmp/a && cat /tmp/a'
shows 'no' --read-only --mount type=tmpfs,target=/t,readonly "$root" sh -c 'touch /t/x 2>/dev/null || echo no'

# What there is of a tmpfs.
shows '1777|700|755 7:8' --tmpfs /a --mount type=tmpfs,target=/b,tmpfs-mode=700 \
    --tmpfs /c:mode=755,uid=7,gid=8 "$root" \
    sh -c 'stat -c %a /a /b; stat -c "%a %u:%g" /c'
shows 'x|/a/b/c|/' --tmpfs /a/b "$root" sh -c 'mkdir /a/b/c; cd /a/b/c; touch ../x; ls .. | grep x; pwd; cd ../../..; pwd'
shows 'tmpfs /t tmpfs rw,nosuid,nodev,relatime,size=1024k 0 0' --tmpfs /t:size=1m,exec "$root" \
    grep ' /t ' /proc/mounts
fill='dd if=/dev/zero of=$1 bs=4k count=100000 2>/dev/null; stat -c %s $1; rm $1; dd if=/dev/zero of=$1 bs=4k count=9 2>/dev/null; stat -c %s $1'
shows '1048576|36864' --tmpfs /t:size=1m "$root" sh -c "$fill" sh /t/x
shows 'devpts /dev/pts devpts rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666 0 0|pts/ptmx' "$root" \
    sh -c 'grep " /dev/pts " /proc/mounts; readlink /dev/ptmx'
shows '67108864|36864' "$root" sh -c "$fill" sh /dev/shm/x
shows '5242880|36864' --shm-size 5m "$root" sh -c "$fill" sh /dev/shm/x
shows '8388608|36864' --tmpfs '/dev/shm:size=8m' "$root" sh -c "$fill" sh /dev/shm/x
shows 'no' --tmpfs /t:nr_inodes=5 "$root" \
    sh -c 'cd /t; touch 1 2 3 4 2>/dev/null; touch 5 2>/dev/null || echo no; rm 1; touch 5'
shows '1024 1014' --tmpfs /t:size=4m "$root" sh -c 'dd if=/dev/zero of=/t/x bs=4k count=10 2>/dev/null; stat -f -c "%b %f" /t'

# All that is written to.
shows 'full|0' --storage 20m "$root" \
    sh -c 'dd if=/dev/zero of=/x bs=1M count=40 2>/dev/null || echo full; rm /x; dd if=/dev/zero of=/x bs=1M count=10 2>/dev/null; echo $?'

# Folders.
shows 'host' --mount "type=bind,source=$scratch/host,target=/h" "$root" cat /h/there
shows 'host' --mount "type=bind,source=$scratch/host/there,target=/h/deep,readonly" "$root" cat /h/deep
shows 'there' --tmpfs /a -v "$scratch/host:/a/b" "$root" ls /a/b

refuses 'No such file' --mount "type=bind,source=$scratch/none,target=/h"
refuses 'two mounts on /a' --tmpfs /a -v "$scratch/host:/a"
refuses 'there are no named volumes' --mount type=volume,source=x,target=/h
refuses 'names no place' --tmpfs tmp
refuses "nothing can be mounted on '/'" --tmpfs /
refuses 'is not an option of a tmpfs' --tmpfs /a:huge
refuses 'is no size' --shm-size many
[ -e "$scratch/none" ] && { echo 'FAILED: a folder was made'; failed=1; }
exit $failed
