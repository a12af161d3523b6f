#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Get what the shell tests run and Debian has no static package of: dash and GNU make, built static
# from Debian's sources, and busybox's own test-suite with the configuration that busybox-static was
# built with.
#
#   tests/shells/programs.sh
#
# The result is ${TARBOX_CACHE:-~/.cache/tarbox}/shells/{dash,make,busybox/{testsuite,config}}; while
# its stamp names this script nothing is done and nothing fetched.  Takes about a minute.
set -euo pipefail

cache=${TARBOX_CACHE:-$HOME/.cache/tarbox}
result=$cache/shells
script=$(realpath "$0")

mkdir -p "$cache"
exec 9>"$cache/shells.lock"
flock 9
stamp=$(sha256sum <"$script")
[ "$(cat "$result/stamp" 2>/dev/null)" != "$stamp" ] || exit 0

rm -rf "$cache"/shells.??????
work=$(mktemp -d "$cache/shells.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/out/busybox"

# Run a step with its output in a log of its own, whose end is shown if the step fails.
step() {
    local log=$work/$1.log status=0
    shift
    (set -e; "$@") >>"$log" 2>&1 </dev/null 9>&- &
    wait $! || status=$?
    [ $status -eq 0 ] || tail -n 40 "$log" >&2
    return $status
}

build_dash() {
    cd "$work"/src/dash-*/
    autoreconf -fi
    ./configure --enable-static --without-libedit LDFLAGS=-static CFLAGS=-O2
    make -j "$(nproc)"
    strip -o "$work/out/dash" src/dash
}

# Without its load average, which reads /proc, and without plug-ins.
build_make() {
    cd "$work"/src/make-dfsg-*/
    autoreconf -fi
    ./configure --disable-load --disable-nls --without-guile LDFLAGS=-static CFLAGS=-O2
    make -j "$(nproc)" -C lib
    make -j "$(nproc)" make
    strip -o "$work/out/make" make
}

take_busybox() {
    cp -r "$work"/src/busybox-*/testsuite "$work/out/busybox/"
    cp "$work"/src/busybox-*/debian/config/pkg/static "$work/out/busybox/config"
}

echo "shells: fetching sources" >&2
step fetch "$(dirname "$script")/../../cmake/debian-source.sh" "$work/src" dash make-dfsg busybox
echo "shells: building into $result" >&2
step dash build_dash
step make build_make
step busybox take_busybox
echo "$stamp" >"$work/out/stamp"
rm -rf "$result"
mv "$work/out" "$result"
