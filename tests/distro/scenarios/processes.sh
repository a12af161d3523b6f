#!/bin/bash
# SPDX-License-Identifier: MIT
# What ps, top, pgrep and their like tell of a tree of processes.
set -u
bash -c 'exec -a named-parent bash -c "sleep 100 & sleep 101 & wait"' &
parent=$!
python3 -c 'import threading, time; [threading.Thread(target=time.sleep, args=(100,), daemon=True).start() for _ in range(3)]; time.sleep(100)' &
python=$!
for _ in {1..200}; do [ "$(ps -o nlwp= -p $python)" -eq 4 ] && [ "$(pgrep -c -P $parent)" = 2 ] && break; sleep 0.05; done
ps -o comm=,args= --ppid $parent | sort
ps -o stat=,nlwp=,ni=,user=,comm= -p $python | tr -s ' '
ps -T -o comm= -p $python | sort | uniq -c
pgrep -P $parent -l | cut -d ' ' -f 2
pgrep -f 'sleep 101' | wc -l
pgrep -x sleep -a | cut -d ' ' -f 2- | sort
ps -C sleep -o pid= | wc -l
[ "$(ps -o ppid= -p "$(pgrep -f '^sleep 100')" | tr -d ' ')" = $parent ] && echo parent
ps -o sid=,pgid= -p $parent | awk '{ print ($1 > 0), ($2 > 0) }'
top -b -n 1 -p $python | tail -n 1 | awk '{ print $2, $12 }'
top -b -n 1 | grep -c sleep
ps axo comm | grep -c sleep
ps -o rss=,vsz= -p $python | awk '{ print ($1 > 1000), ($2 > $1) }'
ps -o etimes= -p $$ | awk '{ print $1 < 1000 }'
ps -o wchan= -p $parent | wc -w
tr '\0' ' ' </proc/$python/cmdline | cut -c 1-30; echo
tr '\0' '\n' </proc/$parent/environ | grep -c ^PATH=
ls /proc/$python/task | wc -l
readlink /proc/$python/cwd /proc/$python/root
readlink /proc/$python/exe | sed 's/[0-9.]*$//'
awk '{ print NF }' /proc/$python/statm
grep -c '' /proc/$python/limits
grep -E '^(Name|Threads|State|Umask|SigQ)' /proc/$python/status | sed 's,[0-9]*/[0-9]*,n/n,'
ls -l /proc/$python/fd | awk 'NR > 1 { print $9 }' | head -n 3
cat /proc/$python/fdinfo/0 | grep -c -E '^(pos|flags)'
cat /proc/$python/{oom_score_adj,comm}
pidof sleep | wc -w
kill -STOP $python
for _ in {1..100}; do [[ $(ps -o stat= -p $python) = T* ]] && break; sleep 0.02; done
ps -o stat= -p $python | cut -c 1
kill -CONT $python
pkill -P $parent -f 'sleep 100'; sleep 0.1
pgrep -c -P $parent
pkill -TERM -f named-parent
kill $python
wait $parent; echo "ended: $?"
wait $python; echo "ended: $?"
pkill sleep
(exit 0) & zombie=$!
sleep 0.2
killall -V >/dev/null 2>&1; echo "$(uptime -p | cut -c 1-2)"
free -b | awk 'NR == 2 { print ($2 > 0), ($2 >= $3) }'
nproc | grep -c .
pwdx $$ | cut -d ' ' -f 2
skill -l >/dev/null 2>&1; echo $?
