#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Real programs, natively in a chroot and under Tarbox: output and exit code must agree.
#
#   tests/programs/run.sh FOLDER COMMAND...   FOLDER is pack.sh's; COMMAND... runs tarbox
#
# TARBOX_LONG=1 repeats as often as the full counts say.
set -uo pipefail

. "$(dirname "$0")/../compare.sh"
[ "${TARBOX_LONG:-0}" = 0 ] && repeats=3 starts=1 runs=10 || repeats=50 starts=20 runs=100

# same_piped COMMAND...: with standard input through a pipe that ends.
same_piped() {
    cat "$root/data/numbers" | native "$@" >"$scratch/native" 2>/dev/null
    cat "$root/data/numbers" | guest "$@" 2>/dev/null | cat >"$scratch/guest"
    cmp -s "$scratch/native" "$scratch/guest"
    outcome "piped $*" $?
}

# exits CODE ARGUMENT...: what `tarbox run` itself answers.
exits() {
    local want=$1 code
    shift
    timeout $limit "${tarbox[@]}" run "$@" </dev/null >"$scratch/out" 2>"$scratch/err"
    code=$?
    [ $code = "$want" ] || { echo "exit code $code, not $want"; cat "$scratch/err"; }
    [ $code = "$want" ]
    outcome "tarbox run $*" $?
}

# ---- busybox ----
image='/bin /data /etc /root /tmp /usr' # not what every container has besides: /dev, /proc
# shellcheck disable=SC2086
same ls -lR $image
same cat /data/numbers /data/link
same md5sum /data/numbers /data/binary /bin/busybox
same sha256sum /bin/esbuild
same sort -rn /data/numbers
same awk '{ s += $1; if ($1 % 7 == 0) n++ } END { print s, n }' /data/numbers
same grep -r 1999 /data --include=numbers
# shellcheck disable=SC2086
same find $image -type f -newer /etc/passwd
same find /data -type l
same tar tf /data/archive.tar
same env
same pwd
same id
same stat -c '%n %s %F %a %u %g %h %Y' /data/numbers /data/link /data/sub /data/fifo
same readlink -f /data/sub-link/hard
same cut -c1-3 /data/numbers
same uniq -c /data/numbers
same hexdump -C /data/binary
same wc /data/numbers /data/binary
same cat /nonexistent
same false
same seq 1 2000
same expr 6 '*' 7
same sh -c 'exit 7'
same vi --help
input=$root/data/numbers same md5sum
input=$root/data/numbers same tail -n 3
input=$root/data/binary same wc -c
same_piped sort -n
same_piped cat
same_piped head -n 3
same_piped bash -c 'while read -r line; do n=$((n + line)); done; echo $n'

# ---- bash ----
same bash -c 'a=(1 2 3); a+=(four); echo "${a[@]}" ${#a[@]} "${a[@]:1:2}"; declare -A m=([x]=1 [y]=2); echo ${m[x]}${m[y]}'
same bash -c 'echo $((2**40 % 1000)) $((0x1f | 8)); [[ abc == a*c && 5 -gt 3 ]] && echo yes; printf "%05d|%-6s|%x\n" 42 ab 255'
same bash -c 'read -r line </data/numbers; echo "$line"; mapfile -t all </data/numbers; echo ${#all[@]}; while read -r a b; do echo "$a-$b"; done <<< "one two"'
same bash -c 's=hello; echo ${s^^} ${s/l/L} ${s:1:3} ${#s} ${u:-default}; f() { local x=$1; echo "in $x"; return 3; }; f a; echo $?'
same bash -c 'trap "echo got TERM" TERM; kill -TERM $$; echo after; trap "echo bye" EXIT; exit 4'
same bash -c 'kill -9 $$'
same bash -c 'kill -SEGV $$'
same bash -c 'cat() { while IFS= read -r l; do printf "%s\n" "$l"; done; }; cat <<END
here $((1 + 1)) document
END'
same bash -c 'printf -v x "%(%Y)T" 0; echo $x; cd /data && echo $PWD ${OLDPWD}; pwd -P; echo *; echo sub/*'
same bash -c 'umask; umask 077; umask; type cd; set -o pipefail; echo $-'
same bash -c 'exec 3</data/numbers; read -u 3 a; read -u 3 b; echo $a $b; exec 3<&-; echo x >/tmp/f; echo y >>/tmp/f; exec 4</tmp/f; read -u 4 l; echo $l'

# ---- scripts, C programs, Go programs ----
same /data/script one two
same /data/script2 one
same hello
same hello-musl
same hello-pie
same threads
same threads-musl
same showenv one 'two words' ''
same showenv 'ß 漢字 😀' 'a"b\' '\\' 'x y"z' '*' "it's" '%PATH%' '^&|<>'
for i in $(seq $repeats); do
    same esbuild --bundle --minify --sourcemap=inline --format=esm /data/bundle.js
done
for i in $(seq $starts); do
    same processes
done
same esbuild --version
same esbuild --bundle /data/missing.js

# ---- tarbox's own answers ----
exits 125
exits 125 "$archive"
exits 125 --no-such-option "$archive"
exits 125 "$scratch/missing.tar.gz" true
exits 126 "$archive" /data/not-executable
exits 126 "$archive" /data/sub
exits 126 "$archive" /data/damaged
exits 127 "$archive" no-such-program
exits 127 "$archive" /no/such/program
exits 137 "$archive" bash -c 'kill -9 $$'
exits 0 -w /data/new/folder "$archive" -- sh -c 'test "$PWD" = /data/new/folder'
exits 0 -e A=1 -eB=2 --env C=3 "$archive" sh -c 'test "$A$B$C" = 123'
exits 0 --entrypoint sh "$archive" -c 'test $# = 0'
exits 5 -i --rm "$archive" -- bash -c 'exit 5'
printf '\xef\xbb\xbfX=from file\n# comment\n  Y="quoted"\n' >"$scratch/vars"
exits 0 --env-file "$scratch/vars" "$archive" bash -c '[[ $X == "from file" && $Y == "\"quoted\"" ]]'
exits 0 "$root/bin/hello" one
exits 0 "$root" /bin/true
strange=$scratch/$(printf 'd%.0s' {1..120})/$(printf 'e%.0s' {1..120})/'häl lo €'
mkdir -p "$strange"
cp "$root/bin/hello" "$archive" "$strange/"
exits 0 "$strange/hello"
exits 0 -e 'K=ü😀"q\' "$strange/rootfs.tar.gz" bash -c '[[ $K == "ü😀\"q\\" ]]'
exits 0 --strace --stats "$archive" true
grep -q 'exit_group' "$scratch/err" && grep -q 'system calls' "$scratch/err"
outcome 'strace and stats print on standard error' $?

for format in tar tar.bz2 tar.xz tar.zst; do
    case $format in
    tar) gzip -dc "$archive" ;;
    tar.bz2) gzip -dc "$archive" | bzip2 -1 ;;
    tar.xz) gzip -dc "$archive" | xz -0 ;;
    tar.zst) gzip -dc "$archive" | zstd -q -1 ;;
    esac >"$scratch/rootfs.$format"
    exits 0 "$scratch/rootfs.$format" cmp /data/numbers /data/link
done
head -c 100000 "$archive" >"$scratch/cut.tar.gz"
exits 125 "$scratch/cut.tar.gz" true

for i in $(seq $runs); do
    exits 0 "$archive" true
done
nothing_is_left
outcome 'nothing is left behind' $?
finish
