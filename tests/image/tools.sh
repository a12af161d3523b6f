#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Images that other tools made, loaded as those tools unpack them.
#
#   tests/image/tools.sh DESCRIBE
#
# umoci makes an image of four layers, with everything that a layer can do to those below it;
# skopeo saves it in each form; DESCRIBE (tests/image/describe.c) must print for all of them the
# tree that `umoci unpack` makes.  Exits 77 where the tools or the rights of root are missing.
set -eu
describe=$1
for tool in umoci skopeo sha256sum; do
    command -v "$tool" >/dev/null || { echo "no $tool here" && exit 77; }
done
[ "$(id -u)" = 0 ] || { echo 'umoci keeps owners only as root' && exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

layer() # one more layer of what has been changed in b/rootfs
{
    umoci repack --image oci:x --refresh-bundle b >/dev/null
}

umoci init --layout oci
umoci new --image oci:x
umoci unpack --image oci:x b
cd b/rootfs
mkdir -p bin etc/conf.d usr/lib var/cache/deep/er opaque/below
echo 1 >bin/tool && chown 3:4 bin/tool && chmod 4755 bin/tool && ln bin/tool bin/alias
echo old >etc/motd && echo a >etc/conf.d/a && echo b >etc/conf.d/b
ln -s usr/lib lib && ln -s /etc/motd motd
mkfifo fifo
mknod tty c 5 1 || echo 'no devices here'
echo x >var/cache/deep/er/x && echo y >opaque/y && echo z >opaque/below/z
echo turns >turns && mkdir turned && echo in >turned/in
head -c 300000 /dev/urandom >usr/lib/large
touch -d @1000000000 etc/motd usr/lib/large
cd ../.. && layer
cd b/rootfs
echo new >etc/motd && rm etc/conf.d/a && chmod 700 etc/conf.d
rm -r var/cache/deep && ln bin/tool usr/lib/third
rm turns && mkdir turns && echo below >turns/below
rm -r turned && echo file >turned
rm -r opaque && mkdir opaque && echo only >opaque/only
cd ../.. && layer
cd b/rootfs
mkdir -p var/cache/deep && echo again >var/cache/deep/again
rm motd lib && mkdir lib && echo own >lib/own
rm bin/tool fifo && echo "$(printf 'n%.0s' $(seq 200))" >"$(printf 'n%.0s' $(seq 200))"
printf 'umlaut' >"$(printf 'l\303\244nge')"
cd ../.. && layer
rm -r b/rootfs/etc && layer

umoci unpack --image oci:x want
(cd want/rootfs && find . -mindepth 1 -printf '%y %m %U %G %Ts %n %s %p %l\n') |
    while read -r type mode uid gid time links size path target; do
        case $type in
        d) links=0 size=0 ;;
        f) target=$(sha256sum "want/rootfs/$path") && target=${target%% *} ;;
        *) size=0 ;;
        esac
        echo "$type $mode $uid $gid $time $links $size ${path#.}${target:+ $target}"
    done | LC_ALL=C sort >want.txt

skopeo --insecure-policy copy -q oci:oci:x oci-archive:archive.tar:x
skopeo --insecure-policy copy -q oci:oci:x docker-archive:docker.tar:example/x:1
skopeo --insecure-policy copy -q oci:oci:x docker-archive:docker2.tar
skopeo --insecure-policy copy -q --dest-compress-format zstd --dest-compress oci:oci:x oci:zstd:x
gzip -k docker.tar
failed=0
for bundle in oci archive.tar docker.tar docker2.tar docker.tar.gz zstd; do
    "$describe" "$bundle" | LC_ALL=C sort >got.txt
    if ! diff want.txt got.txt; then
        echo "$bundle: not as umoci unpacks it" >&2
        failed=1
    fi
done
echo "$(wc -l <want.txt) entries compared"
exit $failed
