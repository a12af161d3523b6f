#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Rules of docs/style-guide.md that a text search can check.
#
#   tests/lint/source.sh RULE
#
#   host-headers  the host's headers are included in platform/ only (and by tests and samples)
#   includes      no #include leaves its folder by "../"
#   spdx          every source starts with the licence line
#   globals       no more global variables than tests/lint/globals.max, which only goes down
#   urls          scripts and build files name no network host
#   format        clang-format 14, Debian 12's, would change nothing (tests/bench is kept as it came)
#   length        lists files of more than 800 lines; never fails
#
# Prints each offending line and exits 1 if there is one.
set -eu
cd "$(dirname "$0")/../.."
for folder in platform core vfs image shim runner cmd tests; do
    [ -d "$folder" ] || { echo "source.sh: no folder $folder" >&2; exit 1; }
done

sources() # FOLDER...: the C and assembly below, one per line
{
    find "$@" -name build -prune -o -type f \
        \( -name '*.[chS]' -o -name '*.def' \) -print | sort
}

refuse() # MESSAGE, with the offending lines on stdin
{
    found=$(cat)
    [ -z "$found" ] && return
    printf '%s\n%s\n' "$1" "$found" >&2
    exit 1
}

product='core vfs image shim runner cmd'

case ${1-} in
host-headers)
    names='windows|win[a-z0-9]*|ws2[a-z0-9]*|ntstatus|psapi|io|direct|process|unistd|pthread|errno'
    names="$names|fcntl|signal|poll|dirent|termios|dlfcn|ucontext|sched|semaphore|spawn|netdb"
    names="$names|threads|ifaddrs|(sys|linux|asm|arpa|net|netinet|bits)/[a-z0-9_/]+"
    # shellcheck disable=SC2086
    sources $product | xargs grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*<($names)\.h>" |
        refuse 'Host headers belong in platform/; ask plat.h instead:'
    ;;
includes)
    # shellcheck disable=SC2086
    sources $product platform tests samples |
        xargs grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<](.*/)?\.\./' |
        refuse 'Includes name a layer ("vfs/file.h") or a file beside the source:'
    ;;
spdx)
    {
        # shellcheck disable=SC2086
        sources $product platform tests samples
        find . -path ./build -prune -o -path ./.git -prune -o -type f \
            \( -name CMakeLists.txt -o -name '*.cmake' -o -name '*.sh' -o -name '*.ps1' \
            -o -name '*.py' \) -print
    } | while read -r file; do
        head -n 2 "$file" | grep -q 'SPDX-License-Identifier: MIT' || echo "$file"
    done | refuse 'No "SPDX-License-Identifier: MIT" in the first lines of:'
    ;;
globals)
    max=$(cat tests/lint/globals.max)
    # A definition starts in column one and has no parenthesis before the name.
    # shellcheck disable=SC2086
    names=$(sources $product platform | grep '\.c$' | xargs grep -HoE '^[a-zA-Z_][^(;=]*[ *]g_[a-z0-9_]+' |
        grep -v ':extern ' | sort -u)
    count=$(printf '%s' "$names" | grep -c . || true)
    echo "$count global variables, $max allowed"
    if [ "$count" -gt "$max" ]; then
        printf '%s\n' "$names" | refuse 'Too many global variables; pass state as an argument:'
    elif [ "$count" -lt "$max" ]; then
        echo "tests/lint/globals.max can be lowered to $count"
    fi
    ;;
urls)
    find . -path ./build -prune -o -path ./.git -prune -o -type f \
        \( -name CMakeLists.txt -o -name '*.cmake' -o -name '*.sh' \
        -o -name '*.ps1' -o -name '*.py' -o -name 'vcpkg.json' \) \
        ! -path ./tests/lint/source.sh -print | xargs grep -nE '(https?|ftp)://[a-z0-9]' |
        refuse 'No network addresses here; take packages from the machine'\''s own settings:'
    ;;
length)
    # shellcheck disable=SC2086
    sources $product platform tests samples | xargs wc -l |
        awk '$2 != "total" && $1 > 800 { print $2 ": " $1 " lines; split it" }'
    ;;
format)
    formatter=$(command -v clang-format-14 clang-format | head -n 1) || true
    case $("${formatter:-false}" --version 2>/dev/null) in
    *'version 14.'*) ;;
    *) echo 'no clang-format 14 here: other versions differ' && exit 77 ;;
    esac
    # shellcheck disable=SC2086
    sources $product platform tests samples docs | grep '\.[ch]$' | grep -v '^tests/bench/' |
        xargs "$formatter" --dry-run 2>&1 | grep ': warning:' |
        refuse "Run $formatter -i on:"
    ;;
*)
    echo 'usage: source.sh host-headers|includes|spdx|globals|urls|length|format' >&2
    exit 2
    ;;
esac
