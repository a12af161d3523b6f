# SPDX-License-Identifier: MIT
#
# Sourced by tests that run real programs natively in a chroot and under Tarbox, with their
# arguments: FOLDER COMMAND..., where FOLDER is the pack.sh's beside them, and COMMAND... runs tarbox.
# Output and exit code must agree.

here=$(cd "$(dirname "$0")" && pwd)
folder=$1
shift
tarbox=("$@")
"$here/pack.sh" "$folder" || exit 1
root=$folder/root archive=$folder/rootfs.tar.gz
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/tmp"
export TMPDIR=$scratch/tmp TARBOX_ROOT=$scratch/store
. "$here/../leftovers.sh"
. "$here/../outcome.sh"
limit=60

path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# Each run finds the tree as it was packed.
native() {
    rm -rf "$scratch/root"
    cp -a "$root" "$scratch/root"
    timeout $limit env -i PATH=$path HOSTNAME=guest HOME=/root chroot "$scratch/root" "$@"
}

guest() {
    timeout $limit "${tarbox[@]}" run -e HOSTNAME=guest "$archive" "$@"
}

# Directories have no size worth comparing, and their order is their own.
mask() {
    case $1 in
    *ls* | *find* | *grep*) sed -E 's/^(d.{9} +[0-9]+ +[^ ]+ +[^ ]+ +)[0-9]+/\1-/; s/^total .*/total/; s/ +/ /g' | sort ;;
    *) cat ;;
    esac
}

# same COMMAND...: run it on both sides, with standard input from the file `input`, if set.
same() {
    local input=${input:-/dev/null} code_native code_guest
    native "$@" <"$input" >"$scratch/native" 2>"$scratch/native.err"
    code_native=$?
    guest "$@" <"$input" >"$scratch/guest" 2>"$scratch/guest.err"
    code_guest=$?
    if [ $code_native != $code_guest ]; then
        echo "exit code $code_guest, natively $code_native"
        head -n 5 "$scratch/guest.err"
    fi
    cmp -s <(mask "$*" <"$scratch/native") <(mask "$*" <"$scratch/guest") ||
        diff <(mask "$*" <"$scratch/native") <(mask "$*" <"$scratch/guest") | head -n 10
    cmp -s <(mask "$*" <"$scratch/native") <(mask "$*" <"$scratch/guest") &&
        [ $code_native = $code_guest ]
    outcome "$*" $?
}
