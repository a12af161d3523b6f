# SPDX-License-Identifier: MIT
#
# Sourced by tests that make many checks: what came of them.

failed=0
passed=0

# outcome NAME CODE: count a check.
outcome() {
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $1"
    fi
}

# finish: say how many, and exit with 0 if none failed.
finish() {
    echo "$passed passed, $failed failed"
    [ $failed = 0 ]
    exit
}
