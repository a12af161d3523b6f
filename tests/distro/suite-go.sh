# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Run tests of Go's own test-suite, in the guest, in their short form: a line before and after each.
#
#   sh suite-go.sh PACKAGE skip|only FILE [LIMIT]    without or only those that FILE names;
#                                                    all may not take longer than LIMIT seconds
package=$1
cd "/usr/lib/go-tests/$package" || exit
names=$(./tests -test.list . | grep '^Test' | while read -r test; do
    grep -qxF "$package/$test" "$3" && found=only || found=skip
    [ "$found" != "$2" ] || echo "$test"
done | paste -sd '|')
[ -z "$names" ] || ./tests -test.v -test.short -test.timeout="${4:-120}s" -test.run "^($names)\$" 2>&1 |
    sed -nEu -e 'w /dev/stderr' \
        -e "s|.*=== (RUN\|CONT) +([^ ]+)\$|run $package/\\2|p" \
        -e "s|.*--- PASS: ([^ ]+) \\(.*|pass $package/\\1|p" \
        -e "s|.*--- FAIL: ([^ ]+) \\(.*|fail $package/\\1|p" \
        -e "s|.*--- SKIP: ([^ ]+) \\(.*|skip $package/\\1|p" \
        -e 's/^(PASS|FAIL)$/end/p'
