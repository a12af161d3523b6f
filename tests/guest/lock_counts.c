/* SPDX-License-Identifier: MIT */
/*
 * Counting in a file under a lock of each kind, fcntl(2)'s of the process and of open files and flock(2)'s,
 * by waiting for it and by trying again, in two processes: one lasts, the other is killed at random
 * moments, its lock with it, and started again.  Nothing that was counted is lost.
 */

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mman.h>

#include "guest_process.h"

#define THREADS_MAX 2
#define WORKERS (2 * THREADS_MAX) /* the lasting process's, and the other's */

/* What the file holds: written at once, so that nobody dies half-way. */
struct counts {
    long all, of[WORKERS];
};

enum kind { POSIX, OFD, FLOCK };

struct way {
    enum kind kind;
    int waits;
    int threads; /* of a process: those of one process share its POSIX locks */
};

static const struct way ways[] = {
    {POSIX, 1, 1}, {POSIX, 0, 1}, {OFD, 1, 2}, {OFD, 0, 2}, {FLOCK, 1, 2}, {FLOCK, 0, 2},
};

/* Shared by the processes. */
struct told {
    atomic_long counted[WORKERS];
    atomic_int stop;
};

struct group {
    const struct way *way;
    int first; /* worker */
};

static struct told *told;

static int try_lock(const struct way *w, int fd, int type)
{
    static const int flocks[] = {[F_RDLCK] = LOCK_SH, [F_WRLCK] = LOCK_EX, [F_UNLCK] = LOCK_UN};
    struct flock l = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
    if (w->kind == FLOCK)
        return flock(fd, flocks[type] | (w->waits ? 0 : LOCK_NB));
    if (w->kind == OFD)
        return fcntl(fd, w->waits ? F_OFD_SETLKW : F_OFD_SETLK, &l);
    return fcntl(fd, w->waits ? F_SETLKW : F_SETLK, &l);
}

static void lock(const struct way *w, int fd, int type)
{
    while (try_lock(w, fd, type) < 0) {
        CHECK(!w->waits && (errno == EAGAIN || errno == EACCES));
        sched_yield();
    }
}

struct worker {
    const struct way *way;
    int number;
};

static void *count(void *arg)
{
    const struct worker *w = arg;
    int fd = open("counts", O_RDWR);
    CHECK(fd >= 0);
    while (!atomic_load(&told->stop)) {
        struct counts c;
        lock(w->way, fd, F_WRLCK);
        CHECK(pread(fd, &c, sizeof c, 0) == sizeof c);
        c.all++;
        c.of[w->number]++;
        if (c.all % 16 == 0)
            sched_yield();
        CHECK(pwrite(fd, &c, sizeof c, 0) == sizeof c);
        lock(w->way, fd, F_UNLCK);
        atomic_fetch_add(&told->counted[w->number], 1);
        if (!w->way->waits)
            sched_yield(); /* let the others find it free */
    }
    close(fd);
    return NULL;
}

static int count_in_threads(void *arg)
{
    const struct group *g = arg;
    struct worker workers[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    for (int i = 0; i < g->way->threads; i++) {
        workers[i] = (struct worker){g->way, g->first + i};
        CHECK(pthread_create(&threads[i], NULL, count, &workers[i]) == 0);
    }
    for (int i = 0; i < g->way->threads; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    return 0;
}

/* What the file holds is what all were told, but for one more where a worker was killed before. */
static void check(const struct way *w, int is_killed)
{
    struct counts c;
    long sum = 0;
    int fd = open("counts", O_RDWR);
    lock(w, fd, F_RDLCK);
    CHECK(pread(fd, &c, sizeof c, 0) == sizeof c);
    for (int i = 0; i < WORKERS; i++) {
        long known = atomic_load(&told->counted[i]);
        sum += c.of[i];
        if (i >= THREADS_MAX && is_killed) {
            CHECK(c.of[i] == known || c.of[i] == known + 1);
            atomic_store(&told->counted[i], c.of[i]);
        } else if (!is_killed) {
            CHECK(c.of[i] == known);
        }
    }
    CHECK(c.all == sum);
    close(fd);
}

static void count_in(const struct way *w)
{
    struct counts none = {0};
    struct group lasting = {w, 0}, other = {w, THREADS_MAX};
    unsigned seed = 1;
    int fd = open("counts", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && write(fd, &none, sizeof none) == sizeof none);
    close(fd);
    memset(told, 0, sizeof *told);
    pid_t lasts = start(count_in_threads, &lasting);
    for (long kills = guest_count(8, 200); kills > 0; kills--) {
        long before = told->counted[THREADS_MAX];
        pid_t pid = start(count_in_threads, &other);
        SOON(told->counted[THREADS_MAX] > before);
        usleep((useconds_t)(rand_r(&seed) % 3000));
        CHECK(kill(pid, SIGKILL) == 0);
        CHECK_KILLED(status_of(pid), SIGKILL);
        check(w, 1);
    }
    told->stop = 1;
    CHECK_EXIT(status_of(lasts), 0);
    CHECK(told->counted[0] > 0);
    check(w, 0);
    unlink("counts");
}

int main(void)
{
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(told != MAP_FAILED);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        count_in(&ways[i]);
    return guest_result();
}
