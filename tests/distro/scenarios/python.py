#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# subprocess, multiprocessing by fork and spawn, threading, mmap, signal, tempfile, sqlite3.
import mmap
import multiprocessing
import os
import queue
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor


def square(x):
    return x * x


def count_words(text, results):
    results.put(len(text.split()))


def add(value, lock, n):
    for _ in range(n):
        with lock:
            value.value += 1


def processes(how):
    context = multiprocessing.get_context(how)
    with context.Pool(3) as pool:
        print(how, "pool", sum(pool.map(square, range(200), chunksize=7)))
    results = context.Queue()
    workers = [context.Process(target=count_words, args=("word " * n, results)) for n in range(4)]
    for w in workers:
        w.start()
    print(how, "queue", sorted(results.get() for _ in workers))
    for w in workers:
        w.join()
    value, lock = context.Value("i", 0), context.Lock()
    adders = [context.Process(target=add, args=(value, lock, 200)) for _ in range(3)]
    for a in adders:
        a.start()
    for a in adders:
        a.join()
    print(how, "value", value.value, [a.exitcode for a in adders])
    sleeper = context.Process(target=time.sleep, args=(60,))
    sleeper.start()
    sleeper.terminate()
    sleeper.join()
    print(how, "terminated", sleeper.exitcode)
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        print(how, "executor", list(executor.map(square, range(5))))


def subprocesses():
    r = subprocess.run(["sh", "-c", "cat; echo error >&2; exit 3"], input=b"input", capture_output=True)
    print(r.returncode, r.stdout, r.stderr)
    first = subprocess.Popen(["seq", "10000"], stdout=subprocess.PIPE)
    second = subprocess.Popen(["tail", "-n", "1"], stdin=first.stdout, stdout=subprocess.PIPE, text=True)
    first.stdout.close()
    print(second.communicate()[0].strip(), first.wait())
    try:
        subprocess.run(["sleep", "10"], timeout=0.2)
    except subprocess.TimeoutExpired as e:
        print("timed out after", round(e.timeout, 1))
    big = b"x" * 1000000
    print(len(subprocess.run(["cat"], input=big, capture_output=True).stdout))
    print(subprocess.run(["sh", "-c", "kill -9 $$"]).returncode)
    print(subprocess.run("echo $VALUE; pwd", shell=True, env={"VALUE": "5"}, cwd="/", capture_output=True, text=True).stdout.split())


def threads():
    work, done = queue.Queue(), []
    def worker():
        while (item := work.get()) is not None:
            done.append(item * 2)
    pool = [threading.Thread(target=worker) for _ in range(8)]
    for t in pool:
        t.start()
    for i in range(1000):
        work.put(i)
    for _ in pool:
        work.put(None)
    for t in pool:
        t.join()
    print(len(done), sum(done))
    with ThreadPoolExecutor(4) as executor:
        print(sum(executor.map(square, range(100))))
    event, condition, ready = threading.Event(), threading.Condition(), []
    threading.Timer(0.05, event.set).start()
    print(event.wait(10))
    def notify():
        with condition:
            ready.append(1)
            condition.notify_all()
    threading.Thread(target=notify).start()
    with condition:
        print(condition.wait_for(lambda: ready, 10))


def signals():
    got = []
    signal.signal(signal.SIGUSR1, lambda n, f: got.append(n))
    signal.signal(signal.SIGCHLD, lambda n, f: got.append(n))
    os.kill(os.getpid(), signal.SIGUSR1)
    subprocess.run(["true"])
    print(sorted(set(map(int, got))))
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    signal.signal(signal.SIGALRM, lambda n, f: (_ for _ in ()).throw(TimeoutError))
    try:
        time.sleep(10)
    except TimeoutError:
        print("alarm")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    signal.raise_signal(signal.SIGUSR2)
    print(signal.sigpending(), signal.sigwait({signal.SIGUSR2}))
    r, w = os.pipe()
    os.set_blocking(w, False)
    signal.set_wakeup_fd(w)
    os.kill(os.getpid(), signal.SIGUSR1)
    print(os.read(r, 1) == bytes([signal.SIGUSR1]))
    signal.set_wakeup_fd(-1)


def files():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "mapped")
        with open(path, "wb") as f:
            f.truncate(1 << 20)
        with open(path, "r+b") as f, mmap.mmap(f.fileno(), 0) as m:
            m[123456:123460] = b"here"
            m.flush()
            print(m.find(b"here"), os.path.getsize(path))
            if os.fork() == 0:
                m[0:5] = b"child"
                os._exit(0)
            os.wait()
            print(m[:5])
        db = os.path.join(d, "data.db")
        with sqlite3.connect(db) as c:
            c.execute("create table t (a integer primary key, b text)")
            c.executemany("insert into t (b) values (?)", ((f"row {i}",) for i in range(5000)))
        print(c.execute("select count(*), max(a), sum(length(b)) from t").fetchone())
        if os.fork() == 0:
            c = sqlite3.connect(db)
            c.execute("delete from t")  # never committed
            os._exit(0)
        os.wait()
        c = sqlite3.connect(db)
        print(c.execute("select count(*) from t").fetchone(), c.execute("pragma integrity_check").fetchone())
        c.close()
    with tempfile.NamedTemporaryFile("w+") as f, tempfile.SpooledTemporaryFile(10) as s:
        f.write("text")
        f.seek(0)
        s.write(b"x" * 100)
        print(f.read(), os.path.exists(f.name), s.tell())


if __name__ == "__main__":
    for part in subprocesses, threads, signals, files:
        part()
        sys.stdout.flush()
    for how in "fork", "spawn", "forkserver":
        processes(how)
        sys.stdout.flush()
