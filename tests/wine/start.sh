#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Make whatever tests/wine/run.sh finds missing: the guard and the launcher, the Wine prefix, its
# server.  Prints nothing unless it fails.
#
#   tests/wine/start.sh
#
# A prefix takes 10 s and 700 MB to make, so one is made as a template, and others are copies that
# share its files by hard links.  The server, and Windows' services with it, stays up for
# $idle_seconds after the last program has ended: starting it anew costs 1.5 s.
set -Eeuo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/settings.sh"

idle_seconds=900
template=$cache/wine-template

# compile OUTPUT SOURCE FLAG...
compile() {
    local output=$tools/$1 source=$here/$2
    shift 2
    [ "$output" -nt "$source" ] && return
    mkdir -p "$tools"
    cc -std=c17 -O2 -Wall -Wextra -Werror -o "$output.$$" "$source" "$@"
    mv "$output.$$" "$output"
}

make_template() {
    local new=$template.$$
    rm -rf "$new"
    WINEPREFIX=$new WINEDLLOVERRIDES="mscoree,mshtml=;winemenubuilder.exe=d" \
        timeout 120 "$WINELOADER" wineboot.exe -i </dev/null >/dev/null 2>&1
    WINEPREFIX=$new timeout 60 "$WINESERVER" -w
    [ -f "$new/system.reg" ]
    mv "$new" "$template"
}

# A registry without time zones but UTC.  Wine asks for all of them one by one when a process
# starts, 20 ms for each process; Windows does nothing of the kind.
without_time_zones() {
    awk -v RS= -v ORS='\n\n' '!/^\[[^\n]*\\\\Time Zones\\\\/ || /^\[[^\n]*\\\\Time Zones\\\\UTC\]/' "$1"
}

# The registry is copied: the server writes through hard links.
copy_template() {
    local new=$WINEPREFIX.$$
    mkdir -p "$(dirname "$WINEPREFIX")"
    cp -al "$template" "$new" 2>/dev/null || { rm -rf "$new"; cp -a "$template" "$new"; }
    rm "$new"/*.reg
    cp -p "$template"/*.reg "$new"
    without_time_zones "$template/system.reg" >"$new/system.reg"
    mv "$new" "$WINEPREFIX"
}

# The first program of a server's life starts Windows' services, which would hold on to its
# streams and run under its filter.  So it is one of no concern.
start_server() {
    "$WINESERVER" "-p$idle_seconds"
    timeout 60 "$WINELOADER" cmd.exe /c exit </dev/null >/dev/null 2>&1
}

trap 'echo "start.sh: cannot start Wine in $WINEPREFIX" >&2' ERR
mkdir -p "$cache"
exec 9>"$cache/wine.lock"
flock 9
{
    compile guard.so guard.c -fPIC -shared -mfsgsbase -fno-stack-protector -fvisibility=hidden
    compile seccomp seccomp.c
    [ -d "$template" ] || make_template
    [ -d "$WINEPREFIX" ] || copy_template
    server_runs || start_server
} 9>&-
