# SPDX-License-Identifier: MIT
#
# Sourced by the tests of the store, with their arguments: FOLDER COMMAND..., where FOLDER is
# tests/programs/pack.sh's and COMMAND... runs tarbox.  Sets $root and $archive, the packed tree and
# its archive, $tarbox, and an empty store in the folder $scratch, which is removed at the end.

here=$(cd "$(dirname "$0")" && pwd)
folder=$1
shift
tarbox=("$@")
"$here/../programs/pack.sh" "$folder" || exit 1
folder=$(cd "$folder" && pwd)
root=$folder/root archive=$folder/rootfs.tar.gz
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TARBOX_ROOT=$scratch/store
limit=60
. "$here/../outcome.sh"

tarbox() {
    timeout $limit "${tarbox[@]}" "$@" </dev/null
}

# gives CODE PATTERN ARGUMENT...: exit code, and an extended regular expression that the output
# matches, standard error included; '' for no output at all.  The output stays in $scratch/out.
gives() {
    local want=$1 pattern=$2 code
    shift 2
    tarbox "$@" >"$scratch/out" 2>&1
    code=$?
    if [ $code = "$want" ] && { [ "$pattern" ] && grep -qE -- "$pattern" "$scratch/out" ||
        [ ! "$pattern$(cat "$scratch/out")" ]; }; then
        outcome "tarbox $*" 0
    else
        echo "exit code $code, not $want, or no /$pattern/:"
        head -n 5 "$scratch/out"
        outcome "tarbox $*" 1
    fi
}
