#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Let a program of the host and one of a container map one file: what either does the other sees.
#
#   tests/guest/mapped_with_host.sh PROGRAM COMMAND...
#
# PROGRAM is mapped_with_host, COMMAND what comes before it: "tarbox run" or the like.
set -u

program=$1
shift
folder=$(mktemp -d "$program.XXXXXX") || exit 1
first=
trap '[ -z "$first" ] || kill "$first"; rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
case "$*" in
*TARBOX_ON_WINE*) export TARBOX_ON_WINE=1 ;;
esac

# together NAME COMMAND...: both sides, with the file of that name; the command is the second.
together()
{
    file=$folder/$1
    shift
    "$program" first "$file" </dev/null &
    first=$!
    while [ ! -s "$file" ]; do
        kill -0 "$first" 2>/dev/null || exit 1
    done
    "$@" </dev/null || {
        echo "mapped_with_host.sh: the second failed with $?"
        exit 1
    }
    wait "$first" || exit 1
    first=
}
together natively "$program" second "$folder/natively"
together file "$@" -v "$folder:/volume" "$program" second /volume/file
