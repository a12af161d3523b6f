#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Dynamically linked programs, natively in a chroot and under Tarbox: output and exit code must
# agree.
#
#   tests/dynamic/run.sh FOLDER COMMAND...   FOLDER is pack.sh's; COMMAND... runs tarbox
set -uo pipefail

. "$(dirname "$0")/../compare.sh"

# ---- Loaders and libraries ----
same modules
same modules-fixed
same modules-musl
same pages # a first time from the file, then from its memory image
same pages
same pages-musl
same pages-musl
for memory in "$TARBOX_ROOT"/images/*.memory; do # cut off: it is made anew
    [ "$(stat -c %s "$memory")" -gt 100000 ] && truncate -s 100000 "$memory"
    outcome 'there are memory images' $?
done
same pages
[ "$(stat -c %s "$memory")" -gt 200000 ]
outcome 'memory images are made again' $?
same pages
same generated
same generated-musl
same catches
same env LD_PRELOAD=libinterpose.so id -u
same env LD_PRELOAD=/no/such/library.so true
same env LD_LIBRARY_PATH=/usr/lib/musl LD_BIND_NOW=1 modules
same sh -c 'LD_TRACE_LOADED_OBJECTS=1 perl | sed "s/ (.*//"'
same /lib64/ld-linux-x86-64.so.2 /bin/echo by its loader
same /lib64/ld-linux-x86-64.so.2 --inhibit-cache /bin/modules-fixed
same /lib64/ld-linux-x86-64.so.2 --verify /bin/ls
same /lib/ld-musl-x86_64.so.1 /bin/modules-musl
same sh -c 'sed s/ld-linux/ld-missing/ /bin/true >/tmp/x; chmod 755 /tmp/x; /tmp/x 2>/dev/null; echo $?'
same sh -c 'cp /bin/true /lib/libplugin.so; modules | head -n 3'
same sh -c 'head -c 9000 /usr/lib/libplugin.so >/tmp/libplugin.so; LD_LIBRARY_PATH=/tmp modules | tail -n 1'

# ---- Shells and tools ----
same ls -l /bin /etc
same bash -c 'set -euo pipefail; seq 1 20000 | sort -rn | head -n 3; seq 1 1000 | xargs -P4 -n 50 echo | wc -w'
same bash -c 'trap "echo bye" EXIT; (exit 3) || echo $?; coproc cat; echo x >&${COPROC[1]}; read -r l <&${COPROC[0]}; echo $l; kill $!; wait $! || echo $?'
same bash -c 'for i in 1 2 3 4; do (sleep 0.0$i; exit $i) & done; for i in 1 2 3 4; do wait -n || echo $?; done | sort'
same sh -c 'cd /tmp && mkdir d && seq 1 3000 >d/f && tar cf - d | gzip | gzip -d | tar tf - && md5sum d/f && sed -i s/1/one/ d/f && grep -c one d/f'
same awk 'BEGIN { for (i = 0; i < 10; i++) s += i * i; print s; print substr("abcdef", 2, 3); "echo from a command" | getline x; print x }'

# ---- perl ----
same perl -e 'my %h = map { $_ => length } qw(a bb ccc); print join(",", map { "$_=$h{$_}" } sort keys %h), "\n"; printf "%s\n", "aXbXc" =~ s/X/-/gr'
same perl -e 'use POSIX; pipe(R, W); if (!fork) { close R; print W "child $_\n" for 1..3; exit 5 } close W; print while <R>; wait; print $? >> 8, "\n"; $SIG{ALRM} = sub { print "alarm\n"; exit 2 }; alarm 1; sleep 10'

# ---- python ----
same python3 -c 'import sys, math, json, re, hashlib; print(math.factorial(30), json.dumps({"a": [1, 2.5, None]}), re.sub("b+", "-", "abbbc"), hashlib.sha256(b"x").hexdigest())'
same python3 -c '
import subprocess, threading, tempfile, os, signal, time, mmap
print(subprocess.run(["sh", "-c", "echo out; exit 4"], capture_output=True))
results = []
threads = [threading.Thread(target=lambda i=i: results.append(i * i)) for i in range(20)]
[t.start() for t in threads]; [t.join() for t in threads]
print(sorted(results))
with tempfile.TemporaryDirectory() as d:
    p = os.path.join(d, "f"); open(p, "w").write("text" * 1000)
    with open(p, "r+b") as f, mmap.mmap(f.fileno(), 0) as m:
        print(m.find(b"tt"), m[:8], len(m)); m[0:4] = b"TEXT"
    print(open(p).read(8))
signal.signal(signal.SIGUSR1, lambda *a: print("signal", a[0]))
os.kill(os.getpid(), signal.SIGUSR1)
pid = os.fork()
if pid == 0: os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))'
same python3 -c '
import multiprocessing as m
def f(c, x): c.send(x * x)
if __name__ == "__main__":
    for how in "fork", "spawn":
        a, b = m.Pipe(False)
        p = m.get_context(how).Process(target=print if how == "spawn" else f, args=(b, 12) if how == "fork" else ("spawned",))
        p.start(); p.join(); print(how, p.exitcode, a.recv() if how == "fork" else "")'
same python3 -c '
import ctypes
print(ctypes.CDLL(None).getpid() > 0, ctypes.CDLL("libm.so.6").abs(-3))
f = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))(lambda a, b: a[0] - b[0])
a = (ctypes.c_int * 5)(5, 3, 1, 4, 2); ctypes.CDLL(None).qsort(a, 5, 4, f); print(list(a))'
same python3 -c 'raise SystemExit(9)'
same python3 -c 'import os; os.abort()'
same python3 -c 'x = [i ** 2 for i in range(300000)]; d = {str(i): i for i in x}; print(sum(x), len(d))'

nothing_is_left
outcome 'nothing is left behind' $?
finish
