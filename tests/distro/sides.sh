# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034
#
# Sourced by tests of images: $tree is as in tree.sh, and the arguments are the command that runs
# tarbox.  Both sides see the folder $share as /share.

. "$here/tree.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
share=$scratch/share
mkdir "$share"
cp "$here"/*.py "$here"/*.sh "$share/"
cp -r "$here/scenarios" "$here/commands" "$share/"
tarbox=("$@")
side=linux
limit=120
whole=2000 # seconds for one run
case $* in
*wine/run.sh*)
    side=wine
    limit=300
    ;;
esac
# Large images are imported once for all tests of a host.
export TARBOX_ROOT=${TARBOX_ROOT:-$here/../../build/distro/store-$side}
mkdir -p "$TARBOX_ROOT"

native() {
    timeout -k 5 $whole "$here/native.sh" "$root" "$share" "$@" </dev/null
}

guest() {
    timeout -k 5 $whole "${tarbox[@]}" run ${CAPABILITY:+--cap-add "$CAPABILITY"} -h guest --ulimit nofile=1024:4096 -e HOSTNAME=guest -v "$share:/share" "$archive" "$@" </dev/null
}

# listed KIND: what `expected-failures` has of this kind and host.
listed() {
    sed -nE "s/^($side|both) +$1: (.*)/\\2/p" "$here/expected-failures" | sort -u
}
