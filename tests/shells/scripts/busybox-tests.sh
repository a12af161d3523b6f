# SPDX-License-Identifier: MIT
# Busybox's own test-suite, of the applets named; one line for each test: PASS, FAIL, SKIPPED or
# UNTESTED, applet and name.  Run by busybox's shell.
limit=$1
shift
cp -r /usr/busybox . && cd busybox/testsuite || exit 1
export bindir=$PWD/../build tsdir=$PWD
for applet in "$@"; do
    timeout -s KILL "$limit" ./runtest "$applet" 2>&1 </dev/null |
        sed -n "s/^\(PASS\|FAIL\|SKIPPED\|UNTESTED\): /\1 $applet: /p"
done
echo finished
