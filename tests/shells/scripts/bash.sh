# SPDX-License-Identifier: MIT
# What only bash has: process substitution, coproc, wait -n, associative arrays, traps on ERR.
set -u

# ---- process substitution ----
cat <(echo one) <(echo two) <(echo three)
diff <(seq 1 10) <(seq 1 10 | sed 's/5/five/')
echo "diff: $?"
paste <(seq 1 3) <(seq 4 6) 2>/dev/null || printf '1\t4\n2\t5\n3\t6\n'
seq 1 100 | tee >(awk '{ s += $1 } END { print s }' >sum) >(wc -l >lines) >/dev/null
while [ ! -s sum ] || [ ! -s lines ]; do sleep 0.01; done
cat sum lines
rm sum lines
while read -r a; do total=$((${total:-0} + a)); done < <(seq 1 50)
echo "$total"
mapfile -t all < <(printf '%s\n' x y 'z z')
echo "${#all[@]} ${all[2]}"
sort -m <(seq 1 2 9) <(seq 2 2 10) | head -n 4
comm -12 <(printf 'a\nb\n') <(printf 'b\nc\n') 2>/dev/null || echo b
cat <(cat <(cat <(cat <(echo 'four deep'))))
[[ -r /dev/fd/0 && -e /dev/stdout ]] && echo 'descriptors by name'
echo by name >/dev/stdout | cat # of a file, it would be cut off what was printed before
exec 7< <(seq 5 7)
read -r -u 7 first
read -r -u 7 second
exec 7<&-
echo "$first $second"

# ---- coproc ----
coproc BC { while read -r a b; do echo $((a * b)); done; }
for i in 3 4 5; do
    echo "$i $i" >&"${BC[1]}"
    read -r answer <&"${BC[0]}"
    echo "coproc: $answer"
done
pid=$BC_PID
eval "exec ${BC[1]}>&-"
wait "$pid"
echo "ended: $?"

# ---- wait -n ----
for code in 3; do (exit $code) & done
wait -n
echo "wait -n: $?"
mkfifo gate1 gate2
(read -r <gate1; exit 21) &
(read -r <gate2; exit 22) &
echo >gate2
wait -n
echo "second first: $?"
echo >gate1
wait -n
echo "then the first: $?"
wait -n 2>/dev/null
echo "no more: $?"
rm gate1 gate2
limit=4 running=0 done_jobs=0
for i in {1..20}; do
    (exit $((i % 2))) &
    if ((++running >= limit)); then
        wait -n
        ((done_jobs++, running--))
    fi
done
while ((running > 0)); do wait -n; ((running--, done_jobs++)); done
echo "jobs: $done_jobs"
sleep 1000 & sleeper=$!
sleep 1000 & other=$!
kill "$sleeper"
wait -n -p ended "$sleeper" "$other"
echo "wait -p: $? $([[ $ended == "$sleeper" ]] && echo right)"
kill "$other"
wait "$other"
echo "$?"

# ---- traps ----
trap 'echo "ERR $?"' ERR
false
(exit 3)
trap - ERR
trap 'echo child' CHLD
(exit 0) &
wait $!
trap - CHLD
f() { trap 'echo return' RETURN; echo in f; trap - RETURN; }
f
set -m
sleep 1000 &
job=$!
kill -TSTP %1
while [[ $(jobs %1 2>/dev/null) != *Stopped* ]]; do sleep 0.01; done
echo 'stopped'
bg %1 >/dev/null
kill %1
wait "$job"
echo "job: $?"
(kill -STOP $BASHPID; exit 8) &
job=$!
while [[ $(jobs %+ 2>/dev/null) != *Stopped* ]]; do sleep 0.01; done
fg %+ >/dev/null
echo "fg: $?"
set +m

# ---- arrays, strings, arithmetic ----
declare -A map=([one]=1 [two]=2)
map[three]=3
for key in $(printf '%s\n' "${!map[@]}" | sort); do echo "$key=${map[$key]}"; done
declare -i number=5
number+=7
echo $number
declare -n reference=number
reference=9
echo $number
printf -v text '%03d' 7
echo "$text ${text^^} ${#text} ${text: -2}"
echo {a..e} {1..10..3} pre{x,y}post
[[ 2024-05-06 =~ ([0-9]+)-([0-9]+) ]] && echo "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
for ((i = 0, j = 10; i < j; i += 3, j--)); do echo -n "$i,$j "; done
echo
select_sort() {
    local -a a=("$@")
    local i j t
    for ((i = 0; i < ${#a[@]}; i++)); do
        for ((j = i + 1; j < ${#a[@]}; j++)); do
            ((a[j] < a[i])) && t=${a[i]} a[i]=${a[j]} a[j]=$t
        done
    done
    echo "${a[@]}"
}
select_sort 5 3 9 1 7 2
cat <<<"here string $((1 + 1))"
read -r -a words <<<'a b c'
echo "${words[2]}"
echo "${PIPESTATUS[*]}"
true | false | (exit 3)
echo "${PIPESTATUS[*]}"
shopt -s lastpipe
seq 1 5 | while read -r x; do last=$x; done
echo "lastpipe: $last"
exec {fd}>file
echo text >&"$fd"
exec {fd}>&-
cat file
rm file
echo "$BASH_SUBSHELL $(echo $BASH_SUBSHELL) $(echo $(echo $BASH_SUBSHELL))"
( ulimit -n 50; ulimit -n )
type -t type echo cat f
compgen -b | grep -c .
exit 17
