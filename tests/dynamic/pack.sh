#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Make the root file system that the tests of dynamically linked programs run in: this Debian's
# own shells, tools, perl and python with the libraries they need, musl's loader, and our programs.
# Done once for a folder.
#
#   tests/dynamic/pack.sh FOLDER     leaves FOLDER/root and FOLDER/rootfs.tar.gz
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=$1

exec 9>"$folder.lock"
flock 9
[ -d "$folder/root" ] &&
    [ -z "$(find "$here" -newer "$folder/rootfs.tar.gz" -type f -print -quit 2>&1)" ] && exit 0
rm -rf "$folder"
mkdir -p "$folder/root"
root=$folder/root

mkdir -p "$root"/{bin,dev,etc,lib64,root,tmp,usr/bin,usr/lib}
ln -s usr/lib "$root/lib"
chmod 1777 "$root/tmp"
cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"

# libraries FILE...: what they need, where their loader looks for it.
libraries() {
    local file library
    for file; do
        ldd "$file" 2>/dev/null | sed -nE 's|.* => (/[^ ]+) .*|\1|p' | while read -r library; do
            [ ! -e "$root$library" ] || continue
            mkdir -p "$root$(dirname "$library")"
            cp -L "$library" "$root$library"
        done
    done
}

# Programs, at their own place and in /bin.
for name in bash sh cat ls sort tr wc head tail seq mkdir rm ln cp mv stat env id echo true false \
    sleep md5sum xargs find grep sed gzip tar perl mawk; do
    file=$(PATH=/usr/bin:/bin command -v $name || true)
    [[ $file == /* ]] || file=/bin/$name
    cp -L "$file" "$root/bin/$name"
    libraries "$file"
done
ln -s mawk "$root/bin/awk"

# Debian's perl and python with their modules, but for tests and what is compiled.
cp -L /usr/bin/python3 "$root/usr/bin/python3"
perl=/usr/lib/x86_64-linux-gnu/perl-base
mkdir -p "$root$perl"
cp -a $perl/. "$root$perl/"
python=$(readlink -f /usr/bin/python3)
python=/usr/lib/${python##*/}
mkdir -p "$root$python"
tar -C "$python" --exclude=__pycache__ --exclude=test --exclude=config-* --exclude=idlelib \
    --exclude=tkinter --exclude=ensurepip --exclude=distutils -c . | tar -C "$root$python" -x
libraries /usr/bin/python3 "$python"/lib-dynload/*.so "$perl"/auto/*/*.so "$perl"/auto/*/*/*.so

# Ours, of glibc and musl.
gcc -O2 -fPIC -shared -o "$root/usr/lib/libplugin.so" "$here/plugin.c"
gcc -O2 -fPIC -shared -o "$root/usr/lib/libinterpose.so" "$here/interpose.c"
gcc -O2 -o "$root/bin/modules" "$here/modules.c" -ldl -pthread
gcc -O2 -no-pie -o "$root/bin/modules-fixed" "$here/modules.c" -ldl -pthread
gcc -O2 -o "$root/bin/generated" "$here/generated.c"
gcc -O2 -fPIC -shared -o "$root/usr/lib/libdata.so" "$here/data.c"
gcc -O2 -o "$root/bin/pages" "$here/pages.c" -ldl
g++ -O2 -fPIC -shared -o "$root/usr/lib/libthrows.so" "$here/throws.cc"
g++ -O2 -o "$root/bin/catches" "$here/catches.cc" -L"$root/usr/lib" -lthrows
libraries "$root/bin/modules" /usr/bin/g++ "$(g++ -print-file-name=libstdc++.so.6)"
cp -L "$(g++ -print-file-name=libstdc++.so.6)" "$(g++ -print-file-name=libgcc_s.so.1)" "$root/usr/lib/"
mkdir -p "$root/usr/lib/musl"
cp -L /lib/ld-musl-x86_64.so.1 "$root/usr/lib/"
musl-gcc -O2 -fPIC -shared -o "$root/usr/lib/musl/libplugin.so" "$here/plugin.c"
musl-gcc -O2 -DPLUGIN='"/usr/lib/musl/libplugin.so"' -o "$root/bin/modules-musl" "$here/modules.c"
musl-gcc -O2 -fPIC -shared -o "$root/usr/lib/musl/libdata.so" "$here/data.c"
musl-gcc -O2 -DLIBRARY='"/usr/lib/musl/libdata.so"' -o "$root/bin/pages-musl" "$here/pages.c"
musl-gcc -O2 -o "$root/bin/generated-musl" "$here/generated.c"

echo 'root:x:0:0:root:/root:/bin/bash' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
printf '127.0.0.1\tlocalhost\n::1\tlocalhost\n' >"$root/etc/hosts"
for device in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "$root/dev/${device%:*}" c 1 "${device#*:}"
done
find "$root" -exec touch -h -d '2024-01-02 03:04:05.678' {} +
tar -C "$root" --owner=0 --group=0 --numeric-owner --format=pax -czf "$folder/rootfs.tar.gz.new" .
mv "$folder/rootfs.tar.gz.new" "$folder/rootfs.tar.gz"
