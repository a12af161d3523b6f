#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Foreign test-suites in an image, natively and under Tarbox: what passes natively must pass, but for
# what `expected-failures` lists; and what it lists must fail.
#
#   tests/distro/suite.sh [-s] TREE python|go NAME... -- COMMAND...
#
# TREE is as in tree.sh, NAME a module of Python's tests or a package of Go's; COMMAND...
# runs tarbox.  -s: a sample; nothing is tried again.  What passed natively is kept.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
tries=3
[ "${1:-}" != -s ] || { tries=1; shift; }
[ $# -ge 5 ] || { echo 'usage: suite.sh [-s] TREE python|go NAME... -- COMMAND...' >&2; exit 2; }
tree=$1 kind=$2
shift 2
names=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    names+=("$1")
    shift
done
shift
. "$here/sides.sh"

# once SIDE NAME skip|only: run the tests that $share/tests does not list, or only those.
once() {
    case $kind in
    python) "$1" python3 /share/suite.py "$2" "$3" /share/tests "$limit" ;;
    go) "$1" sh /share/suite-go.sh "$2" "$3" /share/tests "$((limit * 4))" ;;
    esac >"$scratch/once" 2>>"$scratch/$1.log"
}

# What does not end, or ends the whole run, has failed; the others are run without it.  NAME.end
# passes if all of it ended well.
#
# all SIDE NAME: outcomes on standard output.
all() {
    local outcome last ends=well
    : >"$share/tests"
    : >"$scratch/outcomes"
    while true; do
        once "$1" "$2" skip
        outcome=$?
        grep -E '^(pass|fail|skip) ' "$scratch/once" >>"$scratch/outcomes"
        ! grep -qx end "$scratch/once" || break
        last=$(tac "$scratch/once" | sed -n 's/^run //p' |
            grep -vxF -m 1 -f <(cut -d ' ' -f 2 "$scratch/outcomes"))
        echo "$1: $2 ended by $outcome in ${last:-no test}" >>"$scratch/$1.log"
        if [ "$kind" = go ] && grep -q '^fail ' "$scratch/once"; then
            : # a panic: it has been told which test's
        elif [ -n "$last" ]; then
            echo "fail $last" >>"$scratch/outcomes"
        else
            ends=badly
        fi
        cut -d ' ' -f 2 "$scratch/outcomes" | sort -u >"$scratch/done"
        ! cmp -s "$scratch/done" "$share/tests" || break
        mv "$scratch/done" "$share/tests"
    done
    cat "$scratch/outcomes"
    [ $outcome != 0 ] || [ $ends = badly ] || ! grep -qx end "$scratch/once" || echo "pass $2.end"
}

# again NAME TEST...: those that fail alone, too; a part of a test of Go's is run with the whole.
again() {
    local name=$1 test
    shift
    for test; do
        if [ "$kind" = go ]; then
            sed -E 's|^(.*/Test[^/]*).*|\1|' <<<"$test" >"$share/tests"
        else
            echo "$test" >"$share/tests"
        fi
        once guest "$name" only
        grep -qxF "pass $test" "$scratch/once" || echo "$test"
    done
}

# Why a test has failed, of all that was printed.
show() {
    grep -a -A 15 -e "^FAILED $1 " -e "^--- FAIL: ${1##*/} " -e ": ${1%%.*} ended by" "$scratch/guest.log" | head -n 20
}

mkdir -p "$root.native"
lost=0 passed=0 count=0 retried=0 listed_count=0
for name in "${names[@]}"; do
    expected=$root.native/$kind.${name//\//-}
    if [ ! -s "$expected" ] || [ "$here/suite.py" -nt "$expected" ] || [ "$here/suite-go.sh" -nt "$expected" ]; then
        all native "$name" | sed -n 's/^pass //p' | sort -u >"$scratch/passed"
        mv "$scratch/passed" "$expected"
    fi
    all guest "$name" | sed -n 's/^pass //p' | sort -u >"$scratch/passed"
    # Go names a part of a test with the test.
    mapfile -t missing < <(comm -23 "$expected" "$scratch/passed")
    listed "$kind" >"$scratch/listed"
    listed "$kind\\?" | cat "$scratch/listed" - >"$scratch/may-fail"
    mapfile -t unlisted < <(printf '%s\n' "${missing[@]}" | grep -vxF -f "$scratch/may-fail" | grep .)
    for ((try = 1; try < tries && ${#unlisted[@]} > 0 && ${#unlisted[@]} < 20; try++)); do
        before=${#unlisted[@]}
        mapfile -t unlisted < <(again "$name" "${unlisted[@]}")
        retried=$((retried + before - ${#unlisted[@]}))
    done
    for test in "${unlisted[@]}"; do
        echo "not passed: $kind: $test"
        show "$test"
    done
    comm -12 <(sort "$scratch/listed") <(comm -12 "$expected" "$scratch/passed") >"$scratch/unexpected"
    sed "s/^/listed, but passed: $kind: /" "$scratch/unexpected"
    known=$(printf '%s\n' "${missing[@]}" | grep -cxF -f "$scratch/may-fail")
    lost=$((lost + ${#unlisted[@]} + $(wc -l <"$scratch/unexpected")))
    total=$(wc -l <"$expected")
    count=$((count + total))
    passed=$((passed + total - known - ${#unlisted[@]}))
    listed_count=$((listed_count + known))
    echo "$name: $((total - known - ${#unlisted[@]})) of $total that pass natively"
done
echo "$passed of $count passed that pass natively, $listed_count are listed, $retried passed when tried again"
[ "$count" -gt 0 ] && [ $lost = 0 ]
