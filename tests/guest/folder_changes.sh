#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Let the host change a folder while a container works in it: nothing outside of it is read or
# changed, and what the container is told is what Linux would say.
#
#   tests/guest/folder_changes.sh PROGRAM COMMAND...
#
# PROGRAM is folder_changes, COMMAND what comes before it: "tarbox run" or the like.  On Wine
# (TARBOX_ON_WINE in the command) nobody makes links: Wine itself follows those of Linux.
set -u

program=$1
shift
long=${TARBOX_LONG:-}
folder=$(mktemp -d "$program.XXXXXX") || exit 1
changer=
stop()
{
    [ -z "$changer" ] || kill "$changer"
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM

mkdir "$folder/volume" "$folder/outside" "$folder/outside/d0" "$folder/outside/only-outside"
for name in secret a b c d; do
    echo outside >"$folder/outside/$name"
    echo outside >"$folder/outside/d0/$name"
done
shown() { (cd "$folder/outside" && find . -exec stat -c '%n %a %s %i %Y %Z' {} + | sort && cat secret a b c d d0/*); }
before=$(shown)

case "$*" in
*TARBOX_ON_WINE*) leads_to='' ;;
*) leads_to=$folder/outside ;;
esac
"$program" change "$folder/volume" "$leads_to" </dev/null &
changer=$!
"$@" -v "$folder/volume:/volume" -w /volume ${long:+-e TARBOX_LONG=1} "$program" work </dev/null || {
    echo "folder_changes.sh: the program failed with $?"
    exit 1
}
kill -0 "$changer" || exit 1
[ "$(shown)" = "$before" ] || {
    echo 'folder_changes.sh: what is outside has changed'
    exit 1
}
