#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Build sqlite's own stress programs, static, from Debian's source of them and Debian's library:
# mptester with its scripts, threadtest3 and speedtest1.  (threadtest4 fails one time in ten, natively.)
#
#   tests/sqlite/programs.sh
#
# The result is ${TARBOX_CACHE:-~/.cache/tarbox}/sqlite/{bin,scripts}; while its stamp names this
# script nothing is done and nothing fetched.
set -euo pipefail

cache=${TARBOX_CACHE:-$HOME/.cache/tarbox}
result=$cache/sqlite
here=$(cd "$(dirname "$0")" && pwd)

mkdir -p "$cache"
exec 9>"$cache/sqlite.lock"
flock 9
stamp=$(cat "$here/programs.sh" "$here/mapped.c" | sha256sum)
[ "$(cat "$result/stamp" 2>/dev/null)" != "$stamp" ] || exit 0

rm -rf "$cache"/sqlite.??????
work=$(mktemp -d "$cache/sqlite.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/out/{bin,scripts}

build() {
    "$here/../../cmake/debian-source.sh" "$work/src" sqlite3
    cd "$work"/src/sqlite3-*/
    cp mptest/*.test mptest/*.subtest "$work/out/scripts/"
    # Each test runs as long as it says; QUICK is a part of that.
    sed -i 's|aTest\[i\].xTest(aTest\[i\].nMs)|aTest[i].xTest(aTest[i].nMs / (getenv("QUICK") ? 20 : 1))|' \
        test/threadtest3.c
    grep -q QUICK test/threadtest3.c
    # threadtest3 defines a variable of the library's anew, for builds without it.
    for sources in mptest/mptest.c 'test/threadtest3.c src/test_multiplex.c' test/speedtest1.c; do
        # shellcheck disable=SC2086
        gcc -O2 -static -DHAVE_USLEEP -Itest -Isrc -Wl,--allow-multiple-definition \
            -o "$work/out/bin/$(basename "${sources%%.c*}")" $sources "$here/mapped.c" -lsqlite3 -lm -lpthread
    done
}

echo "sqlite: building into $result" >&2
build >"$work/log" 2>&1 </dev/null 9>&- || { tail -n 40 "$work/log" >&2; exit 1; }
echo "$stamp" >"$work/out/stamp"
rm -rf "$result"
mv "$work/out" "$result"
