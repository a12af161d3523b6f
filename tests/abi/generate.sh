#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Write a C source that compares every constant of core/abi with the machine's own header, where
# that has it.  Left out: what the C library defines by its own lights, and struct termios2, which
# clashes with its struct termios.
#
#   tests/abi/generate.sh HEADER... > OUTPUT
set -eu

echo '/* Made by tests/abi/generate.sh. */'
for header; do # before the others, whose macros have names of our fields
    echo "#include \"lx/$(basename "$header")\""
done
echo '#include "abi.h"'
echo 'void compare_all(void)'
echo '{'
sed -nE 's/^#define LX_([A-Z][A-Za-z0-9_]*) .+$/\1/p' "$@" | sort -u |
    grep -vE '^(MINSIGSTKSZ|O_LARGEFILE|SIGRTMIN|TC[GS]ETS[WF]?2)$' | while read -r name; do
    printf '#ifdef %s\n    compare("%s", (uint64_t)(LX_%s), (uint64_t)(%s));\n#endif\n' \
        "$name" "$name" "$name" "$name"
done
echo '}'
