#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Link static programs in many ways, and see that no system call of any is left by the rewriter.
#
#   tests/shim/scan_programs.sh SCAN_PROGRAMS CC...
#
# The programs use much of the C library, and threads; what differs is the compiler's options, the
# padding between functions, what lies before and behind the library, and the size of the data.
# TARBOX_LONG=1 makes more of them, and more seeds for each (see scan_programs.c).
set -u

[ $# -gt 1 ] || { echo 'usage: scan_programs.sh SCAN_PROGRAMS CC...' >&2; exit 2; }
scan=$1
shift
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM

if [ "${TARBOX_LONG:-0}" = 0 ]; then
    count=1 seeds='-s 1'
else
    count=6 seeds='-s 1 -s 2 -s 3 -s 4 -s 5'
fi

cat >"$folder/main.c" <<'END'
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static sem_t sem;
static __thread int own;
extern long padding(long);
static long raw(long number, long a, long b)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b) : "rcx", "r11", "memory");
    return result;
}
static void init(void) { own = (int)padding(1); }
static void *run(void *arg)
{
    struct timespec at = {1, 1};
    pthread_once(&once, init);
    pthread_rwlock_wrlock(&rwlock);
    pthread_rwlock_timedrdlock(&rwlock, &at);
    pthread_rwlock_unlock(&rwlock);
    pthread_mutex_lock(&mutex);
    pthread_cond_timedwait(&cond, &mutex, &at);
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&mutex);
    pthread_barrier_wait(&barrier);
    sem_timedwait(&sem, &at);
    return (char *)arg + raw(SYS_getppid, 0, 0) + own;
}
int main(int argc, char **argv)
{
    pthread_t thread;
    char *line = NULL;
    size_t size = 0;
    if (argc < 2)
        return 0;
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&thread, NULL, run, argv);
    pthread_kill(thread, SIGUSR1);
    pthread_cancel(thread);
    pthread_join(thread, NULL);
    printf("%s %f %ld\n", argv[1], atof(argv[1]), random());
    getline(&line, &size, popen(argv[1], "r"));
    raise(SIGUSR2);
    waitpid(fork(), NULL, 0);
    fclose(fopen(argv[1], "r"));
    munmap(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open(argv[1], O_RDONLY), 0), 4096);
    return system(argv[1]) + (int)raw(SYS_getpid, 1, 2);
}
END

# Functions and numbers that move all the rest: FILE NUMBER
dummies()
{
    awk -v n="$2" 'BEGIN {
        for (i = 0; i < 40 + n % 60; i++) {
            printf "long dummy%d(long a) { return (a * %d) ^ %d; }\n", i, i * 37 + n, i * n
            call = call sprintf(" + dummy%d(a)", i)
        }
        printf "const unsigned long numbers[] = {"
        for (i = 0; i < 4096; i++)
            printf "%d,", (n * 7919 + i) * (n % 3 ? 1 : 3)
        printf "};\nlong padding(long a) { return numbers[a & 4095]%s; }\n", call
    }' >"$1"
}

programs=
made=0
for cc; do
    for n in $(seq 1 "$count"); do
        dummies "$folder/padding.c" "$((n * 13))"
        for level in -O0 -O1 -O2 -Os; do
            for link in -static -static-pie; do
                # In the short run each level one way.
                [ "$count" -gt 1 ] || [ $((made % 3)) -ne 1 ] || { made=$((made + 1)); continue; }
                align=$((1 << (n + made) % 6))
                files="$folder/main.c $folder/padding.c"
                [ $((n % 2)) -eq 0 ] || files="$folder/padding.c $folder/main.c"
                program=$folder/$(basename "$cc")-$n$level$link
                # shellcheck disable=SC2086
                "$cc" -D_GNU_SOURCE $level $link -fPIE -falign-functions=$align -pthread -w \
                    -o "$program" $files || exit 1
                programs="$programs $program"
                made=$((made + 1))
            done
        done
    done
done

# shellcheck disable=SC2086
"$scan" $seeds $programs >"$folder/log"
result=$?
# What went wrong first; the rest is numbers.
grep -v '^[^ ]*:.* system calls and ' "$folder/log" | head -n 40
awk '/ system calls and / {
    n++
    for (i = 2; i < NF; i++)
        if ($(i - 1) == "of" && $(i + 1) ~ /system|thread-local/) {
            total[$(i + 1)] += $i
            done[$(i + 1)] += $(i - 2)
        }
} END {
    printf "%d scans: %d of %d system calls, %d of %d thread-local accesses\n", n,
        done["system"], total["system"], done["thread-local"], total["thread-local"]
}' "$folder/log"
exit $result
