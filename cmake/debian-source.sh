#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Fetch and unpack Debian source packages, each into FOLDER/PACKAGE-VERSION.
#
#   cmake/debian-source.sh FOLDER PACKAGE...
#
# From the system's own apt sources, one-line and deb822 ones, with every "deb" made "deb-src", and
# verified by apt with the system's keys.  Of each package the newest version that can be had: a
# mirror may list one that it no longer, or not yet, holds.
set -euo pipefail

[ $# -gt 1 ] || { echo "usage: debian-source.sh FOLDER PACKAGE..." >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT

options=(
    -q
    -o Dir::Etc::sourcelist=/dev/null
    -o "Dir::Etc::sourceparts=$state/parts"
    -o "Dir::State::lists=$state/lists"
    -o "Dir::Cache=$state"
    -o "APT::Sandbox::User=$(id -un)"
    -o Acquire::Retries=3
)

derive_sources() {
    local etc=/etc/apt file
    mkdir -p "$state/parts" "$state/lists/partial" "$state/archives/partial"
    for file in "$etc"/sources.list "$etc"/sources.list.d/*.list; do
        [ -f "$file" ] || continue
        sed -nE 's/^[[:space:]]*deb(-src)?([[:space:]])/deb-src\2/p' "$file" | sort -u \
            >"$state/parts/$(basename "$file" .list).list"
    done
    for file in "$etc"/sources.list.d/*.sources; do
        [ -f "$file" ] || continue
        sed -E 's/^Types:.*/Types: deb-src/' "$file" >"$state/parts/$(basename "$file")"
    done
}

# fetch PACKAGE: the first version, from the newest down, that comes.
fetch() {
    local version
    for version in $(apt-cache "${options[@]}" showsrc --only-source "$1" |
        sed -n 's/^Version: //p' | sort -Vru); do
        apt-get "${options[@]}" source "$1=$version" && return
    done
    echo "debian-source: $1 cannot be had" >&2
    return 1
}

derive_sources
# A source of no concern here may fail; whether the packages are found decides.
apt-get "${options[@]}" update || true
cd "$folder"
for package in "$@"; do
    fetch "$package"
done
