#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Make the root file system of the sqlite tests: sqlite's own stress programs, ours, and a shell.
# Done once for a folder.
#
#   tests/sqlite/pack.sh FOLDER     leaves FOLDER/root and FOLDER/rootfs.tar.gz
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=$1
cache=${TARBOX_CACHE:-$HOME/.cache/tarbox}/sqlite

mkdir -p "$(dirname "$folder")"
exec 9>"$folder.lock"
flock 9
"$here/programs.sh" 9>&-
[ -d "$folder/root" ] &&
    [ -z "$(find "$here" "$cache/stamp" -newer "$folder/rootfs.tar.gz" -type f -print -quit 2>&1)" ] && exit 0

rm -rf "$folder"
mkdir -p "$folder/expected" "$folder/root"/{bin,data,dev,etc,memory,tmp}
root=$folder/root
chmod 1777 "$root/tmp"
cp "$(command -v busybox)" "$root/bin/busybox"
for applet in sh cat grep rm sed; do
    ln -s busybox "$root/bin/$applet"
done
cp -r "$cache/bin" "$cache/scripts" "$root/"
gcc -std=gnu17 -O2 -Wall -Wextra -static -o "$root/bin/counts" "$here/counts.c" "$here/mapped.c" \
    -lsqlite3 -lm -lpthread 2>"$folder/log" || { cat "$folder/log"; exit 1; }
mknod -m 666 "$root/dev/null" c 1 3
mknod -m 666 "$root/dev/urandom" c 1 9
tar -C "$root" --owner=0 --group=0 --numeric-owner --format=pax -czf "$folder/rootfs.tar.gz.new" .
mv "$folder/rootfs.tar.gz.new" "$folder/rootfs.tar.gz"
