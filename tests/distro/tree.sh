# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
#
# Sourced: sets $root and $archive for a TREE, and makes them if need be: "debian" and "musl" are
# image.sh's, "docker" is debian as a docker-archive, any other is a folder of sample.sh's.

case $tree in
debian | docker | musl)
    "$here/image.sh" || exit 1
    folder=${TARBOX_CACHE:-$HOME/.cache/tarbox}/distro/${tree/docker/debian}
    ;;
*)
    "$here/sample.sh" "$tree" || exit 1
    folder=$tree
    ;;
esac
root=$folder/root archive=$folder/rootfs.tar.gz
[ "$tree" != docker ] || archive=$folder/image.tar
