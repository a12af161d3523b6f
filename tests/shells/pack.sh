#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Make the root file system of the shell tests: static shells and tools, and the scripts of this
# folder.  Done once for a folder.
#
#   tests/shells/pack.sh FOLDER     leaves FOLDER/root and FOLDER/rootfs.tar.gz
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=$1
cache=${TARBOX_CACHE:-$HOME/.cache/tarbox}/shells

mkdir -p "$(dirname "$folder")"
exec 9>"$folder.lock"
flock 9
"$here/programs.sh" 9>&-
[ -z "$(find "$here" "$cache/stamp" -newer "$folder/rootfs.tar.gz" -type f -print -quit 2>&1)" ] && exit 0

rm -rf "$folder"
mkdir -p "$folder/expected"
root=$folder/root
umask 022
mkdir -p "$root"/{bin,dev,etc,lib,proc,root,scripts,sys,tmp,usr}
chmod 1777 "$root/tmp"
ln -s ../bin "$root/usr/bin"
cp "$(command -v busybox)" "$root/bin/busybox"
for applet in $("$root/bin/busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
# A link of an applet is in the way of some of these.
cp --remove-destination "$(command -v bash-static)" "$root/bin/bash"
cp --remove-destination "$cache/dash" "$root/bin/dash"
cp --remove-destination "$cache/make" "$root/bin/make"
cp /usr/lib/klibc/bin/mksh "$root/bin/mksh-klibc"
cp /usr/lib/diet/bin/mksh "$root/bin/mksh-diet"
cp /usr/lib/x86_64-linux-musl/bin/mksh "$root/bin/mksh-musl"
cp "$(command -v gosu)" "$root/bin/gosu"
gcc -std=gnu17 -O1 -g -Wall -Wextra -static -o "$root/bin/trees" "$here/trees.c"
cp "$here"/scripts/* "$root/scripts/"
cp -r "$cache/busybox" "$root/usr/busybox"
# runtest looks for the configuration beside the program, and puts links of its own before PATH.
mkdir "$root/usr/busybox/build"
cp "$cache/busybox/config" "$root/usr/busybox/build/.config"
ln -s /bin/busybox "$root/usr/busybox/build/busybox"
# It would make a link for each applet anew for each that is tested: four hundred processes.
mkdir "$root/usr/busybox/build/runtest-tempdir-links"
for applet in $("$root/bin/busybox" --list); do
    ln -s /bin/busybox "$root/usr/busybox/build/runtest-tempdir-links/$applet"
done
sed -i -e '/^rm -rf "\$LINKSDIR"/d' -e 's/^\tln -s .*/\t[ -e "$LINKSDIR\/$i" ] ||&/' \
    "$root/usr/busybox/testsuite/runtest"
printf '%s\n' root:x:0:0:root:/root:/bin/sh user:x:1000:1000::/tmp:/bin/sh >"$root/etc/passwd"
printf '%s\n' root:x:0: user:x:1000: >"$root/etc/group"
for device in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "$root/dev/${device%:*}" c 1 "${device#*:}"
done
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"

tar -C "$root" --sort=name --owner=0 --group=0 --numeric-owner -czf "$folder/rootfs.tar.gz.new" .
mv "$folder/rootfs.tar.gz.new" "$folder/rootfs.tar.gz"
