/* SPDX-License-Identifier: MIT */
/* Pipes and shared memory between processes. */

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "guest_process.h"

/* ---- pipes ---- */

#define PIECE 4096 /* PIPE_BUF */

struct writer {
    int fd, number;
    long pieces;
};

static int write_pieces(void *arg)
{
    const struct writer *w = arg;
    char piece[PIECE];
    memset(piece, 'a' + w->number, sizeof piece);
    for (long i = 0; i < w->pieces; i++) {
        memcpy(piece + 1, &i, sizeof i);
        CHECK(write(w->fd, piece, sizeof piece) == sizeof piece);
    }
    return 0;
}

/* Writes of PIPE_BUF bytes are never mixed, and those of one process stay in order. */
static void pieces(void)
{
    int fds[2];
    pid_t pids[4];
    long count = guest_count(100, 5000), seen[4] = {0};
    char piece[PIECE];
    CHECK(pipe(fds) == 0);
    for (int i = 0; i < 4; i++) {
        struct writer w = {fds[1], i, count};
        pids[i] = start(write_pieces, &w);
    }
    close(fds[1]);
    for (long i = 0; i < 4 * count; i++) {
        size_t have = 0;
        while (have < PIECE) {
            ssize_t n = read(fds[0], piece + have, PIECE - have);
            CHECK(n > 0);
            if (n <= 0)
                return;
            have += (size_t)n;
        }
        long index;
        memcpy(&index, piece + 1, sizeof index);
        int who = piece[0] - 'a', whole = who >= 0 && who < 4;
        for (int k = 9; whole && k < PIECE; k++)
            whole = piece[k] == piece[0];
        CHECK(whole && index == seen[who]);
        if (!whole)
            return;
        seen[who]++;
    }
    CHECK(read(fds[0], piece, 1) == 0); /* all writers are gone */
    close(fds[0]);
    for (int i = 0; i < 4; i++)
        CHECK_EXIT(status_of(pids[i]), 0);
}

static int write_for_ever(void *arg)
{
    char buffer[1000] = {0};
    for (;;)
        if (write(*(int *)arg, buffer, sizeof buffer) < 0)
            return errno;
}

static int write_ignoring(void *arg)
{
    signal(SIGPIPE, SIG_IGN);
    return write_for_ever(arg);
}

static void broken(void)
{
    int fds[2];
    char c;
    for (int ignored = 0; ignored < 2; ignored++) {
        CHECK(pipe(fds) == 0);
        int (*body)(void *) = ignored ? write_ignoring : write_for_ever;
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            close(fds[0]);
            _exit(body(&fds[1]));
        }
        close(fds[1]);
        CHECK(read(fds[0], &c, 1) == 1);
        close(fds[0]); /* while it writes or waits to write */
        if (ignored)
            CHECK_EXIT(status_of(pid), EPIPE);
        else
            CHECK_KILLED(status_of(pid), SIGPIPE);
    }
}

static int copy_through(void *arg)
{
    const int *fds = arg;
    char buffer[3000];
    ssize_t n;
    while ((n = read(fds[0], buffer, sizeof buffer)) > 0)
        CHECK(write(fds[1], buffer, (size_t)n) == n);
    return 0;
}

/* Ten processes, one after the other. */
static void pipeline(void)
{
    int in, first[2], fds[2];
    uint64_t sum = 0, expected = 0;
    CHECK(pipe2(first, O_CLOEXEC) == 0);
    in = first[0];
    for (int i = 0; i < 10; i++) {
        CHECK(pipe(fds) == 0);
        fflush(stdout);
        if (fork() == 0) {
            int ends[2] = {in, fds[1]};
            close(first[1]);
            close(fds[0]);
            _exit(copy_through(ends));
        }
        close(in);
        close(fds[1]);
        in = fds[0];
    }
    pid_t feeder = fork();
    if (feeder == 0) {
        close(in);
        for (uint64_t i = 0; i < 100000; i++)
            if (write(first[1], &i, sizeof i) != sizeof i)
                _exit(1);
        _exit(0);
    }
    close(first[1]);
    FILE *f = fdopen(in, "r");
    for (uint64_t value, i = 0; fread(&value, sizeof value, 1, f) == 1; i++) {
        sum += value * (i + 1);
        expected += i * (i + 1);
    }
    CHECK(sum == expected && sum != 0);
    fclose(f);
    for (int i = 0, status; i < 11; i++)
        CHECK(wait(&status) > 0 && status == 0);
}

static int to_and_fro(void *arg)
{
    const struct turn *turns = arg;
    for (int i = 0; i < 1000; i++) {
        take(&turns[0]);
        give(&turns[1]);
    }
    return 0;
}

static void ping_pong(void)
{
    struct turn turns[2] = {turn_new(), turn_new()};
    pid_t pid = start(to_and_fro, turns);
    for (int i = 0; i < 1000; i++) {
        give(&turns[0]);
        take(&turns[1]);
    }
    CHECK_EXIT(status_of(pid), 0);
    turn_free(&turns[0]);
    turn_free(&turns[1]);
}

/* ---- shared memory ---- */

struct shared {
    _Atomic int counter;
    int plain, order[4];
    _Atomic uint32_t futex;
    pthread_mutex_t mutex, robust;
    pthread_cond_t cond;
    pthread_barrier_t barrier;
    int turn;
};

static struct shared *s;

static int count_up(void *arg)
{
    (void)arg;
    for (int i = 0; i < 10000; i++)
        s->counter++;
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&s->mutex);
        s->plain++;
        pthread_mutex_unlock(&s->mutex);
    }
    return 0;
}

static void counters(void)
{
    pid_t pids[4];
    for (int i = 0; i < 4; i++)
        pids[i] = start(count_up, NULL);
    for (int i = 0; i < 4; i++)
        CHECK_EXIT(status_of(pids[i]), 0);
    CHECK(s->counter == 40000 && s->plain == 2000);
}

static int await_futex(void *arg)
{
    (void)arg;
    while (s->futex == 0)
        syscall(SYS_futex, &s->futex, 0 /* FUTEX_WAIT, not private */, 0, NULL, NULL, 0);
    return (int)s->futex;
}

static void futexes(void)
{
    pid_t pids[3];
    for (int i = 0; i < 3; i++)
        pids[i] = start(await_futex, NULL);
    long woken = 0;
    while (woken < 1) { /* somebody waits, and a wake without a change lets them wait again */
        woken += syscall(SYS_futex, &s->futex, 1 /* FUTEX_WAKE */, 10, NULL, NULL, 0);
        sched_yield();
    }
    s->futex = 66;
    syscall(SYS_futex, &s->futex, 1, 10, NULL, NULL, 0);
    for (int i = 0; i < 3; i++)
        CHECK_EXIT(status_of(pids[i]), 66);
}

static int take_turns(void *arg)
{
    int own = (int)(intptr_t)arg;
    pthread_barrier_wait(&s->barrier);
    for (int i = 0; i < 50; i++) {
        pthread_mutex_lock(&s->mutex);
        while (s->turn % 4 != own)
            pthread_cond_wait(&s->cond, &s->mutex);
        s->turn++;
        pthread_cond_broadcast(&s->cond);
        pthread_mutex_unlock(&s->mutex);
    }
    return pthread_barrier_wait(&s->barrier) == PTHREAD_BARRIER_SERIAL_THREAD ? 1 : 0;
}

static void turns_by_condition(void)
{
    pid_t pids[4];
    int serial = 0;
    s->turn = 0;
    for (int i = 0; i < 4; i++)
        pids[i] = start(take_turns, (void *)(intptr_t)i);
    for (int i = 0; i < 4; i++) {
        int status = status_of(pids[i]);
        CHECK(WIFEXITED(status));
        serial += WEXITSTATUS(status);
    }
    CHECK(serial == 1 && s->turn == 200);
}

static int die_with_mutex(void *arg)
{
    CHECK(pthread_mutex_lock(&s->robust) == 0);
    if (arg)
        kill(getpid(), SIGKILL);
    return 4;
}

/* An owner that dies, by exit or by a signal: the next one is told, also one that waits already. */
static int lock_robust(void *arg)
{
    give(arg);
    int error = pthread_mutex_lock(&s->robust);
    if (error == EOWNERDEAD) {
        CHECK(pthread_mutex_consistent(&s->robust) == 0);
        CHECK(pthread_mutex_unlock(&s->robust) == 0);
    }
    return error;
}

static int lock_and_wait(void *arg)
{
    CHECK(pthread_mutex_lock(&s->robust) == 0);
    give(arg);
    return sleep_for_ever(NULL);
}

static void robust(void)
{
    struct turn turn = turn_new();
    CHECK_EXIT(run(die_with_mutex, NULL), 4);
    CHECK(pthread_mutex_lock(&s->robust) == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(&s->robust) == 0 && pthread_mutex_unlock(&s->robust) == 0);
    CHECK_KILLED(run(die_with_mutex, (void *)1), SIGKILL);
    CHECK(pthread_mutex_trylock(&s->robust) == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(&s->robust) == 0 && pthread_mutex_unlock(&s->robust) == 0);
    pid_t owner = start(lock_and_wait, &turn);
    take(&turn);
    CHECK(pthread_mutex_trylock(&s->robust) == EBUSY);
    pid_t waiter = start(lock_robust, &turn);
    take(&turn);
    usleep(10000); /* it probably waits now; right either way */
    kill(owner, SIGKILL);
    CHECK_KILLED(status_of(owner), SIGKILL);
    CHECK_EXIT(status_of(waiter), EOWNERDEAD);
    CHECK(pthread_mutex_lock(&s->robust) == 0 && pthread_mutex_unlock(&s->robust) == 0);
    turn_free(&turn);
}

/* A mapping of a file, shared; each sees what another writes, and the file has it. */
static int write_shared(void *arg)
{
    char *p = arg;
    CHECK(!strcmp(p, "parent"));
    strcpy(p, "child");
    return 0;
}

static void shared_file(void)
{
    char text[16] = "";
    int fd = (int)syscall(SYS_memfd_create, "shared", 0);
    CHECK(fd >= 0 && ftruncate(fd, 4096) == 0);
    char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(p != MAP_FAILED);
    if (p == MAP_FAILED)
        return;
    strcpy(p, "parent");
    CHECK_EXIT(run(write_shared, p), 0);
    CHECK(!strcmp(p, "child") && pread(fd, text, 6, 0) == 6 && !strcmp(text, "child"));
    munmap(p, 4096);
    close(fd);
}

int main(void)
{
    pieces();
    broken();
    pipeline();
    ping_pong();

    s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t m;
    pthread_condattr_t c;
    pthread_barrierattr_t b;
    pthread_mutexattr_init(&m);
    pthread_mutexattr_setpshared(&m, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&s->mutex, &m);
    pthread_mutexattr_setrobust(&m, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&s->robust, &m);
    pthread_condattr_init(&c);
    pthread_condattr_setpshared(&c, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&s->cond, &c);
    pthread_barrierattr_init(&b);
    pthread_barrierattr_setpshared(&b, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&s->barrier, &b, 4);
    counters();
    futexes();
    turns_by_condition();
    robust();
    shared_file();
    CHECK_ERROR(wait(NULL), ECHILD);
    return guest_result();
}
