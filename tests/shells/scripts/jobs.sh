# SPDX-License-Identifier: MIT
# Background jobs, wait, pipelines, xargs, tools in groups, many processes.
set -u

# ---- background and wait ----
for i in 1 2 3 4 5; do
    (exit $i) &
    eval "job$i=\$!"
done
for i in 5 3 1 2 4; do
    eval "wait \$job$i"
    echo "job $i: $?"
done
wait
echo "nothing left: $?"
wait 99999 2>/dev/null
echo "not a child: $?"
sleep 1000 &
kill -KILL $! # a shell may take TERM before it has become sleep
wait $! 2>/dev/null
echo "killed: $?"
sh -c 'sleep 1000 &
kill -STOP $!
kill -KILL $!
wait $! 2>/dev/null
echo "killed while stopped: $?"'

# ---- results through files and fifos ----
for i in 1 2 3 4 5 6 7 8; do
    (
        n=0
        for j in $(seq 1 $((i * 20))); do n=$((n + j)); done
        echo $n >result.$i
    ) &
done
wait
cat result.*
rm result.*
mkfifo request answer
(
    while read -r line; do
        case $line in
        quit) break ;;
        *) echo "answer to $line" ;;
        esac
    done <request >answer
) &
exec 3>request 4<answer
for question in one two three; do
    echo $question >&3
    read -r reply <&4
    echo "$reply"
done
echo quit >&3
exec 3>&- 4<&-
wait
rm request answer

# ---- pipelines ----
seq 1 1000 | cat | cat | cat | cat | cat | cat | cat | cat | tail -n 1
yes | head -n 1000 | sort | uniq -c | sed 's/^ *//' | tr ' ' - | cat -n | awk '{ print $2 }' | rev | rev
echo one two three | tr ' ' '\n' | sort -r | paste -s -d, - 2>/dev/null || echo three,two,one
false | true
echo "code of the last: $?"
true | false
echo "code of the last: $?"
! true | false
echo "negated: $?"
(echo sub; exit 3) | cat
seq 1 100000 | head -n 1
yes | head -n 2
yes "$(seq 1 100)" | head -c 100000 | md5sum
i=0
while [ $i -lt 8 ]; do
    echo $i | cat | { read -r x; echo $((x * x)); } | cat
    i=$((i + 1))
done | tr '\n' ' '
echo
{ echo a; sleep 0; echo b; } | while read -r x; do echo "got $x"; done
echo lost | (exit 0)
(sleep 0; echo late) | cat
n=0
seq 1 10 | while read -r x; do n=$x; done
echo "outside: $((n == 0 || n == 10))"

# ---- xargs, find ----
seq 1 40 | xargs -n 5 echo
seq 1 24 | xargs -n 1 -P 4 sh -c 'echo $(($0 * $0))' | sort -n | md5sum
seq 1 8 | xargs -P 4 -I @ sh -c 'exit 0'
echo "xargs: $?"
seq 1 8 | xargs -n 1 sh -c 'test $0 -ne 5'
echo "xargs with a failure: $?"
echo x | xargs no-such-command 2>/dev/null
echo "xargs without a command: $?"
mkdir -p tree/a/b/c tree/d
for f in tree/1 tree/a/2 tree/a/b/3 tree/a/b/c/4 tree/d/5; do echo "$f" >$f; done
find tree -type f | sort
find tree -type f | sort | xargs cat
find tree -type f -exec sh -c 'echo "exec ${1#tree/}"' sh {} \; | sort
find tree -name '[24]' -print0 | xargs -0 -n 1 basename | sort
find tree -type f | xargs -P4 -n1 md5sum | sort
tar cf - tree | gzip | gzip -d | tar tf - | sort
tar czf tree.tgz tree && rm -r tree && tar xzf tree.tgz && find tree -type f | sort | xargs cat
(cd tree && tar cf - .) | (mkdir copy && cd copy && tar xf - && find . -type f | sort)
sed -i 's/tree/forest/' tree/1 tree/a/2
cat tree/1 tree/a/2
rm -r tree copy tree.tgz

# ---- sort, awk, sed ----
seq 1 2000 | awk '{ print ($1 * 7919) % 1009, $1 }' | sort -k1,1n -k2,2nr | md5sum
seq 1 20 | sort -r | sort -n | sed -n '5,7p;$p'
awk 'BEGIN { while (("seq 1 5" | getline x) > 0) s += x; print s; print "to sort b" | "sort"; print "to sort a" | "sort"; close("sort"); exit system("exit 3") }' </dev/null
echo "awk: $?"
awk 'BEGIN { "pwd" | getline d; print length(d) > 0; system("echo from system") }' </dev/null
rm -f 0
printf '%s\n' b a c | sort | sed 'N;s/\n/+/'
printf 'a,b,c\nd,e,f\n' | cut -d, -f2 | tr -d '\n'
echo
expr 3 + 4
seq 3 | sed '1!G;h;$!d'

# ---- many ----
i=0
while [ $i -lt 40 ]; do
    busybox true
    i=$((i + 1))
done
echo "$i times true"
for i in $(seq 1 30); do (exit 0) & done
wait
echo 'thirty at once'
tree() {
    [ "$1" -eq 0 ] && { echo x; return; }
    (tree $(($1 - 1)))
    (tree $(($1 - 1))) | cat
}
tree 4 | wc -l
echo "$(echo "$(sh -c 'sh -c "sh -c \"sh -c \\\"echo fifth\\\"\""')")"
timeout 100 sh -c 'exit 6'
echo "timeout passes the code: $?"
timeout -s KILL 0.1 sleep 100 2>/dev/null
echo "timeout kills: $?"
nohup sh -c 'echo nohup' 2>/dev/null
env -i A=1 "$(command -v sh)" -c 'echo "$A ${HOME:-none}"'
(exec sh -c 'echo executed')
exec 5>&1
exec sh -c 'echo "the last, in place of the script" >&5; exit 12'
