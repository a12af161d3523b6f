#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Container images that umoci and skopeo made: loaded, run as they are, and described.
#
#   tests/store/load.sh FOLDER COMMAND...     see start.sh
set -uo pipefail
. "$(dirname "$0")/start.sh"

# ---- Two images of two layers each, which share the first ----
cd "$scratch" || exit 1
{
    umoci init --layout oci
    umoci new --image oci:base
    umoci unpack --image oci:base b
    cp -a "$root/bin" "$root/etc" b/rootfs/
    echo 'web:x:33:34:web:/srv:/bin/sh' >>b/rootfs/etc/passwd
    mkdir -m 777 b/rootfs/srv
    umoci repack --image oci:base --refresh-bundle b
    rm b/rootfs/bin/esbuild
    echo changed >b/rootfs/etc/number
    umoci repack --image oci:web b
    umoci config --image oci:web --config.entrypoint /bin/busybox --config.cmd echo \
        --config.cmd 'from cmd' --config.env GREETING=hello --config.workingdir /srv \
        --config.user web --config.label a.b=c --config.exposedports 80/tcp
    skopeo --insecure-policy copy -q oci:oci:web docker-archive:web.tar:example/web:1.0
    skopeo --insecure-policy copy -q oci:oci:base oci-archive:base.tar:example/base:2
    skopeo --insecure-policy copy -q --dest-compress-format zstd --dest-compress oci:oci:web oci:zstd:web
    zstd -q web.tar
} >umoci.log 2>&1 || { cat umoci.log; outcome 'umoci and skopeo make the images' 1; finish; }

# ---- Loaded ----
gives 0 '^loaded: example/web:1.0$' load web.tar
web=$(tail -n 1 out)
gives 0 '^loaded: example/base:2$' load -i base.tar
base=$(tail -n 1 out)
gives 0 "^$web$" load -q zstd
gives 0 "^$web$" load -q web.tar.zst
gives 0 "^$web$" load -q oci web
"${tarbox[@]}" load -q - <web.tar.zst | tr -d '\r' | grep -qx "$web"
outcome 'load from a pipe' $?
gives 0 "^$base$" load -q oci
gives 125 'nothing' load web.tar nothing
gives 125 'no container image' load "$archive"
gives 125 "use 'tarbox load web.tar'" import web.tar
[ "$(find "$TARBOX_ROOT/packs" -name '*.pack' | wc -l)" = 1 ]
outcome 'what images share is stored once' $?

# ---- As the configuration says ----
gives 0 '^from cmd$' run example/web:1.0
gives 0 '^other$' run example/web:1.0 echo other
gives 0 '^/srv$' run example/web:1.0 pwd
gives 0 '^/etc$' run -w /etc example/web:1.0 pwd
gives 0 '^uid=33\(web\) gid=34$|^uid=33\(web\) gid=34 ' run example/web:1.0 id
gives 0 '^uid=0\(root\) gid=0\(root\)' run -u 0 example/web:1.0 id
gives 0 '^uid=5 gid=34' run -u 5:34 example/web:1.0 id
gives 125 "no user 'nobody-here'" run -u nobody-here example/web:1.0 id
gives 0 '^HOME=/srv$' run example/web:1.0 env
gives 0 '^GREETING=hello$' run example/web:1.0 env
gives 0 '^GREETING=bye$' run -e GREETING=bye example/web:1.0 env
gives 0 '^GREETING=hello$' run --entrypoint env example/web:1.0
gives 125 'no program to run' run --entrypoint '' example/web:1.0
gives 125 'no program to run' run example/base:2
gives 1 'No such file' run example/web:1.0 ls /bin/esbuild
gives 0 '^changed$' run example/web:1.0 cat /etc/number
gives 1 'ermission denied' run example/web:1.0 touch /etc/x
gives 0 '^changed$' run -u 0 example/web:1.0 sh -c 'echo changed >/etc/x && read -r line </etc/x && echo $line'
gives 0 '^/bin/esbuild$' run example/base:2 /bin/busybox ls /bin/esbuild

# ---- From the archive as it is ----
gives 0 '^from cmd$' run web.tar
gives 0 'cached' run --stats web.tar
gives 0 '^from cmd$' run web.tar.zst
gives 0 '^from cmd$' run zstd
gives 0 '^from cmd$' run --ephemeral web.tar

# ---- Described ----
tarbox inspect example/web:1.0 | python3 -c '
import json, sys
image, = json.load(sys.stdin)
config = image["Image"]["config"]
assert image["Id"] == sys.argv[1] and image["Names"] == ["example/web:1.0"], image
assert config["Entrypoint"] == ["/bin/busybox"] and config["Cmd"] == ["echo", "from cmd"], config
assert config["User"] == "web" and config["Labels"] == {"a.b": "c"}, config
assert config["ExposedPorts"] == {"80/tcp": {}} and config["WorkingDir"] == "/srv", config
' "$web"
outcome inspect $?
gives 0 'umoci config +\(no files\)' history example/web:1.0
gives 125 'no image' inspect nothing

# ---- Saved for others, and loaded again ----
for format in docker-archive oci-archive; do
    gives 0 '' save --format $format -o saved.tar example/web:1.0
    skopeo --insecure-policy copy -q $format:saved.tar oci:from-$format:x >skopeo.log 2>&1
    outcome "skopeo reads $format: $(tail -n 1 skopeo.log)" $?
    rm -rf unpacked
    umoci unpack --image from-$format:x unpacked >skopeo.log 2>&1 &&
        [ "$(cat unpacked/rootfs/etc/number)" = changed ]
    outcome "umoci unpacks $format" $?
    gives 0 '^loaded: example/web:1.0$' load saved.tar
    gives 0 '^from cmd$' run example/web:1.0
done
gives 125 'no format' save --format zip example/web:1.0
tarbox load -q web.tar >/dev/null
gives 0 '' tag "$web" example/web:1.0

# ---- A blob that is not what its digest says ----
cp -a oci bad
largest=$(find bad/blobs/sha256 -type f -size +100k | head -n 1)
printf x | dd of="$largest" bs=1 seek=5000 conv=notrunc status=none
before=$(find "$TARBOX_ROOT" -type f | sort)
gives 125 "$(basename "$largest" | cut -c1-12)" load bad base
rm "$largest"
gives 125 "$(basename "$largest" | cut -c1-12)" load bad base
[ "$before" = "$(find "$TARBOX_ROOT" -type f | sort)" ]
outcome 'a failure leaves the store as it was' $?
gives 0 ' 0 damaged' verify
finish
