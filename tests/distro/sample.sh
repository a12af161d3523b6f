#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Make the root file system of the fast samples, of this Debian's own packages: shells, tools, perl,
# python with some of its tests, and some of Go's.  Done once for a folder.
#
#   tests/distro/sample.sh FOLDER     leaves FOLDER/root and FOLDER/rootfs.tar.gz
set -euo pipefail

packages=(
    bash dash coreutils findutils grep sed mawk diffutils patch tar gzip bzip2 xz-utils zstd
    perl python3 libc-bin procps util-linux mount base-passwd acl
)
python_tests=(fcntl posix select tempfile)
go_tests=(io sync)

here=$(cd "$(dirname "$0")" && pwd)
folder=$1

mkdir -p "$(dirname "$folder")"
exec 9>"$folder.lock"
flock 9
[ "$folder/rootfs.tar.gz" -nt "$here/sample.sh" ] && exit 0
rm -rf "$folder" "$folder.new"
root=$folder.new/root
umask 022
mkdir -p "$root"/{dev,etc,proc,root,sys,tmp,usr/bin,usr/sbin,usr/lib,usr/lib64}
chmod 1777 "$root/tmp"
for name in bin sbin lib lib64; do
    ln -s usr/$name "$root/$name"
done

# The packages, with what they depend on.
apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks \
    --no-replaces --no-enhances "${packages[@]}" | grep '^[a-z]' | cut -d : -f 1 | sort -u |
    while read -r package; do
        dpkg -L "$package" 2>/dev/null || true # one that others provide
    done | sort -u | sed -n -e '\,/usr/share/\(doc\|man\|locale\|info\|icons\|bash-completion\),d' -e 's,^/\(.\),\1,p' >"$folder.new/list"
tar -C / --no-recursion --ignore-failed-read -T "$folder.new/list" -c 2>/dev/null |
    tar -C "$root" --keep-directory-symlink -x
ln -sf mawk "$root/usr/bin/awk"

# Tests.
python=$(readlink -f /usr/bin/python3)
python=/usr/lib/${python##*/}/test
mkdir -p "$root$python"
cp -r "$python/support" "$python/__init__.py" "$root$python/"
for name in "${python_tests[@]}"; do
    cp "$python/test_$name.py" "$root$python/"
done
source=$(go env GOROOT)/src
export CGO_ENABLED=0
for name in "${go_tests[@]}"; do
    mkdir -p "$root/usr/lib/go-tests/$name"
    cp -r "$source/$name/." "$root/usr/lib/go-tests/$name/"
    (cd "$source/$name" && go test -c -o "$root/usr/lib/go-tests/$name/tests" .)
done

printf '%s\n' root:x:0:0:root:/root:/bin/bash nobody:x:65534:65534::/nonexistent:/bin/sh >"$root/etc/passwd"
printf '%s\n' root:x:0: daemon:x:1: nogroup:x:65534: >"$root/etc/group"
printf '127.0.0.1\tlocalhost guest\n::1\tlocalhost\n' >"$root/etc/hosts"
for device in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "$root/dev/${device%:*}" c 1 "${device#*:}"
done
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
tar -C "$root" --sort=name --owner=0 --group=0 --numeric-owner -c . | gzip -1 >"$folder.new/rootfs.tar.gz"
mv "$folder.new" "$folder"
