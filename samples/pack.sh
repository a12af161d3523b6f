#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Pack the sample root file system: the programs of this folder, each linked statically against
# glibc and against musl, and Debian's busybox with a link for each applet.
#
#   samples/pack.sh ROOTFS.tar.gz
set -eu

here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 1 ] || { echo "usage: pack.sh ROOTFS.tar.gz" >&2; exit 2; }
archive=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

umask 022
chmod 755 "$root"
mkdir -p "$root/bin" "$root/etc" "$root/root" "$root/tmp" "$root/usr/share"
chmod 1777 "$root/tmp"

for source in "$here"/*.c; do
    name=$(basename "$source" .c)
    gcc -std=gnu17 -O2 -Wall -static -pthread -o "$root/bin/$name" "$source"
    musl-gcc -std=gnu17 -O2 -Wall -static -pthread -o "$root/bin/$name-musl" "$source"
done
gcc -std=gnu17 -O2 -Wall -static-pie -o "$root/bin/hello-pie" "$here/hello.c"

cp "$(command -v busybox)" "$root/bin/busybox"
for applet in $("$root/bin/busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done

echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
printf '127.0.0.1\tlocalhost\n::1\tlocalhost\n' >"$root/etc/hosts"
echo 'Packed by samples/pack.sh.' >"$root/etc/motd"
cp "$here"/*.c "$root/usr/share"

mkdir -p "$(dirname "$archive")"
tar -C "$root" --sort=name --owner=0 --group=0 --numeric-owner -czf "$archive.new" .
mv "$archive.new" "$archive"
