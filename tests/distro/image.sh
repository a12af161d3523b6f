#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Make the images of the long tests: a Debian 12 that nobody prepared, with the test-suites of Python
# and Go and zlib's source beside it, and a small one of musl and busybox.
#
#   tests/distro/image.sh
#
# The result is ${TARBOX_CACHE:-~/.cache/tarbox}/distro/{debian,musl}/{root,rootfs.tar.gz} and
# debian/image.tar, a docker-archive of two layers; while its stamp names this script nothing is
# done and nothing fetched.  Needs root.  Takes about ten minutes.
set -euo pipefail

packages=(
    python3 perl git gcc g++ make sqlite3 libsqlite3-dev nodejs jq curl nginx-light redis-server
    openssh-client vim-tiny less procps xz-utils bzip2 zstd file bc dc gawk diffutils patch acl
    libpython3.11-testsuite
)
go_packages=(io os os/exec os/signal path/filepath runtime sync syscall time)

here=$(cd "$(dirname "$0")" && pwd)
cache=${TARBOX_CACHE:-$HOME/.cache/tarbox}
result=$cache/distro

mkdir -p "$cache"
exec 9>"$cache/distro.lock"
flock 9
stamp=$(cat "$here/image.sh" "$here"/../dynamic/{modules,generated,plugin}.c | sha256sum)
[ "$(cat "$result/stamp" 2>/dev/null)" != "$stamp" ] || exit 0

rm -rf "$cache"/distro.??????
work=$(mktemp -d "$cache/distro.XXXXXX")
trap 'rm -rf "$work"' EXIT
umask 022
chmod 755 "$work"
mkdir -p "$work/out/debian" "$work/out/musl"

# Run a step with its output in a log of its own, whose end is shown if the step fails.
step() {
    local log=$work/$1.log status=0
    echo "distro: $1" >&2
    shift
    (set -e; "$@") >>"$log" 2>&1 </dev/null 9>&- &
    wait $! || status=$?
    [ $status -eq 0 ] || tail -n 40 "$log" >&2
    return $status
}

# The mirror that apt uses.
debian() {
    local mirror
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | sed -n 1p)
    debootstrap --variant=minbase --include="$(IFS=,; echo "${packages[*]}")" bookworm \
        "$work/out/debian/root" ${mirror:+"$mirror"}
    rm -rf "$work/out/debian/root/var/cache/apt/archives"/*.deb
    # docker adds this to what it runs.
    printf '127.0.0.1\tlocalhost guest\n::1\tlocalhost\n' >"$work/out/debian/root/etc/hosts"
}

# Go's tests look for the sources of their package where they run.
go_tests() {
    local package source=/usr/share/go-1.19/src folder=$work/suites/usr/lib/go-tests
    export CGO_ENABLED=0 GOCACHE=$work/go-cache GOFLAGS=-tags=timetzdata
    for package in "${go_packages[@]}"; do
        mkdir -p "$folder/$package"
        cp -r "$source/$package/." "$folder/$package/"
        (cd "$source/$package" && go test -c -o "$folder/$package/tests" .)
    done
    rm -rf "$work/go-cache"
}

zlib() {
    "$here/../../cmake/debian-source.sh" "$work/source" zlib
    mkdir -p "$work/suites/usr/src"
    cp -r "$work"/source/zlib-*/ "$work/suites/usr/src/zlib"
}

# layer FOLDER NAME: a tar of it, its digest on standard output.
layer() {
    tar -C "$1" --sort=name --numeric-owner --one-file-system -cf "$work/docker/$2.tar" .
    sha256sum "$work/docker/$2.tar" | cut -d ' ' -f 1
}

pack_debian() {
    local base suites config
    mkdir "$work/docker"
    base=$(layer "$work/out/debian/root" base)
    suites=$(layer "$work/suites" suites)
    jq -n --arg base "sha256:$base" --arg suites "sha256:$suites" '{
        architecture: "amd64", os: "linux",
        config: {Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], Cmd: ["bash"]},
        rootfs: {type: "layers", diff_ids: [$base, $suites]}}' >"$work/docker/config.json"
    config=$(sha256sum "$work/docker/config.json" | cut -d ' ' -f 1)
    mv "$work/docker/config.json" "$work/docker/$config.json"
    jq -n --arg config "$config.json" \
        '[{Config: $config, RepoTags: ["debian-suites:12"], Layers: ["base.tar", "suites.tar"]}]' \
        >"$work/docker/manifest.json"
    tar -C "$work/docker" --owner=0 --group=0 --numeric-owner -cf "$work/out/debian/image.tar" \
        manifest.json "$config.json" base.tar suites.tar
    rm -rf "$work/docker"
    cp -a "$work/suites/." "$work/out/debian/root/"
    tar -C "$work/out/debian/root" --sort=name --numeric-owner --one-file-system -c . |
        gzip -1 >"$work/out/debian/rootfs.tar.gz"
}

musl() {
    local root=$work/out/musl/root applet
    mkdir -p "$root"/{bin,dev,etc,lib,proc,root,sys,tmp,usr/bin,usr/lib/musl}
    chmod 1777 "$root/tmp"
    cp "$(command -v busybox)" "$root/bin/busybox"
    for applet in $("$root/bin/busybox" --list); do
        [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
    done
    cp -L /lib/ld-musl-x86_64.so.1 "$root/lib/"
    musl-gcc -O2 -fPIC -shared -o "$root/usr/lib/musl/libplugin.so" "$here/../dynamic/plugin.c"
    musl-gcc -O2 -DPLUGIN='"/usr/lib/musl/libplugin.so"' -o "$root/bin/modules" "$here/../dynamic/modules.c"
    musl-gcc -O2 -o "$root/bin/generated" "$here/../dynamic/generated.c"
    cp -r "$work/suites/usr/src/zlib" "$work/zlib-musl"
    cd "$work/zlib-musl"
    CC=musl-gcc ./configure
    make -j "$(nproc)"
    cp -L libz.so.1 "$root/usr/lib/"
    cp minigzipsh "$root/bin/minigzip"
    printf '%s\n' root:x:0:0:root:/root:/bin/sh user:x:1000:1000::/tmp:/bin/sh >"$root/etc/passwd"
    printf '%s\n' root:x:0: user:x:1000: >"$root/etc/group"
    tar -C "$root" --sort=name --owner=0 --group=0 --numeric-owner -czf "$work/out/musl/rootfs.tar.gz" .
}

step debootstrap debian
step go-tests go_tests
step zlib zlib
step archives pack_debian
step musl musl
echo "$stamp" >"$work/out/stamp"
rm -rf "$result"
mv "$work/out" "$result"
