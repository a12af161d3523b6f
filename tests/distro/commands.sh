#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Run the commands of tables, in the guest; each in an empty folder, $D being one with samples.
#
#   commands.sh COUNT FILE...     the first COUNT commands of each file; 0: all
#
# A line of a table is a command of bash.  One that begins with "@" stands for several: what is
# before " :: ", cut at " // ", takes the place of each @@ in what is behind.  For each command two
# lines are printed: itself, and its exit code and output, in base64.
set -u

count=$1
shift
export LC_ALL=C TZ=UTC D=/tmp/samples
umask 022
ulimit -c 0

samples() {
    mkdir -p $D/tree/{a/b/c,d,.hidden} && cd $D || exit 1
    seq 1 500 >numbers
    seq 500 -7 1 | sed 's/$/ item/' >items
    for i in {1..60}; do
        echo "line $i: $((i * 7919 % 1000)) The quick brown fox $((i * i)) jumps over lazy dog"
    done >text
    printf '%s\n' pear apple fig banana apple Cherry fig apple "" date >fruit
    printf '%s\n' 'id,name,size' '1,alpha,10' '2,beta,200' '3,"gamma, delta",30' '4,,5' >table.csv
    printf 'k1\tone\t1\nk2\ttwo\t22\nk3\tthree\t333\n' >./tabs
    printf 'k1 x\nk2 y\nk4 z\n' >keys
    printf '{"a":[1,2,{"b":null}],"c":"text","d":{"e":1.5,"f":true}}\n' >data.json
    head -c 70000 /dev/zero | tr '\0' '\252' >bytes
    for i in {0..255}; do printf '%b' "\\x$(printf %x "$i")"; done >all-bytes
    printf 'one\r\ntwo\r\n' >dos
    printf 'h\xc3\xa9llo w\xc3\xb6rld\n' >utf8
    echo first >tree/a/one && echo second >tree/a/b/two && cp numbers tree/a/b/c/three
    : >tree/d/empty && ln -s ../a/one tree/d/link && ln tree/a/one tree/hard && ln -s nowhere tree/broken
    chmod 755 tree/a/b/two && chmod 600 tree/d/empty && mkfifo tree/fifo
    mkdir flat && cp -a fruit tabs tree/d/link tree/broken tree/a/b/two flat/ && mkfifo flat/fifo
    cp -a tree/d/empty flat/.hidden && ln flat/two flat/hard
    find $D -exec touch -h -d '2024-01-02 03:04:05' {} +
}

run() {
    local output code
    cd /tmp/work || exit 1
    # The shell names the processes that signals have ended.
    output=$(timeout -k 1 "${LIMIT:-60}" bash -c "$1" </dev/null 2>&1 |
        sed -E 's/^(bash: line [0-9]+: | {6}) *[0-9]+ ([A-Z])/\1PID \2/' | base64 -w 0
        exit "${PIPESTATUS[0]}")
    code=$?
    printf '%s\n%s %s\n' "$1" $code "$output"
    cd /tmp && { rmdir work 2>/dev/null || { chmod -R u+rwx work; rm -rf work; }; }
    mkdir -p work
}

(samples) || exit 1
mkdir -p /tmp/work
for file; do
    left=$count
    while IFS= read -r line <&9; do
        case $line in
        '' | '#'*) continue ;;
        '@ '*' :: '*)
            variants=${line#@ } variants="${variants%% :: *} // " command=${line#* :: }
            while [ -n "$variants" ]; do
                run "${command//@@/"${variants%% // *}"}"
                variants=${variants#* // }
                [ $((left -= 1)) != 0 ] || break
            done
            ;;
        *)
            run "$line"
            : $((left -= 1))
            ;;
        esac
        [ "$left" != 0 ] || break
    done 9<"$file" || exit 1
done
echo finished
