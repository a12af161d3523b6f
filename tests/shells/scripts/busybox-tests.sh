# SPDX-License-Identifier: MIT
# Busybox's own test-suite, of the applets named; one line for each test: PASS, FAIL, SKIPPED or
# UNTESTED and its name.  Run by busybox's shell.
cp -r /usr/busybox . && cd busybox/testsuite || exit 1
export bindir=$PWD/../build tsdir=$PWD
for applet in "$@"; do
    ./runtest "$applet" 2>&1 | sed -n "s/^\(PASS\|FAIL\|SKIPPED\|UNTESTED\): /\1 $applet: /p"
done
