#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Make the root file system that the program tests run in: the samples, Debian's busybox and
# bash, esbuild, a Go program, with JavaScript to bundle, lodash among it, and processes.go.  Done
# once for a folder.
#
#   tests/programs/pack.sh FOLDER     leaves FOLDER/root and FOLDER/rootfs.tar.gz
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=$1
cache=${TARBOX_CACHE:-$HOME/.cache/tarbox}

exec 9>"$folder.lock"
flock 9
[ -d "$folder/root" ] &&
    [ -z "$(find "$here" "$here/../../samples" -newer "$folder/rootfs.tar.gz" -type f -print -quit 2>&1)" ] && exit 0

# Packages of npm.packages, unpacked once.
npm_folder() {
    echo "$cache/npm/$(sed -n "s|^$1 |${1##*/}-|p" "$here/npm.packages")"
}
while read -r name version; do
    into=$(npm_folder "$name")
    [ ! -d "$into" ] || continue
    mkdir -p "$into.new"
    (cd "$into.new" && npm pack --silent "$name@$version" >/dev/null && tar xzf ./*.tgz)
    mv "$into.new" "$into"
done <"$here/npm.packages"

rm -rf "$folder"
mkdir -p "$folder"
"$here/../../samples/pack.sh" "$folder/samples.tar.gz"
mkdir "$folder/root"
tar -C "$folder/root" -xzf "$folder/samples.tar.gz"
root=$folder/root
cp "$(command -v bash-static)" "$root/bin/bash"
cp "$(npm_folder @esbuild/linux-x64)/package/bin/esbuild" "$root/bin/"
CGO_ENABLED=0 GO111MODULE=off GOCACHE=$cache/go go build -trimpath -o "$root/bin/processes" "$here/processes.go"

mkdir "$root/data" "$root/data/sub"
seq 1 20000 >"$root/data/numbers"
ln -s numbers "$root/data/link"
ln -s /data/sub "$root/data/sub-link"
ln "$root/data/numbers" "$root/data/sub/hard"
mkfifo "$root/data/fifo"
head -c 100000 "$root/bin/busybox" >"$root/data/binary"
printf '#!/bin/sh\necho "script $0 $*"\n' >"$root/data/script"
printf '#!/bin/bash -e\necho "bash script $0 $#"; false; echo unreached\n' >"$root/data/script2"
chmod 755 "$root/data/script" "$root/data/script2"
printf 'text\n' >"$root/data/not-executable"
printf '\177ELF damaged' >"$root/data/damaged"
chmod 755 "$root/data/damaged"
cp "$here/bundle.js" "$here/module.js" "$(npm_folder lodash)/package/lodash.js" "$root/data/"
tar -C "$root/data" -cf "$folder/archive.tar" numbers link sub
mv "$folder/archive.tar" "$root/data/"
mkdir "$root/dev"
for device in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "$root/dev/${device%:*}" c 1 "${device#*:}"
done
find "$root" -exec touch -h -d '2024-01-02 03:04:05.678' {} +

tar -C "$root" --owner=0 --group=0 --numeric-owner --format=pax -czf "$folder/rootfs.tar.gz.new" .
mv "$folder/rootfs.tar.gz.new" "$folder/rootfs.tar.gz"
