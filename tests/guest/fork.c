/* SPDX-License-Identifier: MIT */
/* fork(2): what the child has of its own, and what it shares. */

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "guest_process.h"

#define PAGE 4096ul

static int data = 1;
static int bss;
static const char constant[] = "constant";

/* ---- memory is copied ---- */

struct places {
    int *stack, *heap, *large, *mapped;
};

static int change_all(void *arg)
{
    struct places *p = arg;
    CHECK(data == 1 && bss == 2 && *p->stack == 3 && *p->heap == 4 && *p->large == 5);
    CHECK(*p->mapped == 6 && !strcmp(constant, "constant"));
    data = bss = *p->stack = *p->heap = *p->large = *p->mapped = 77;
    CHECK(data == 77 && *p->mapped == 77);
    return 7;
}

static void memory(void)
{
    int stack = 3;
    struct places p = {&stack, malloc(64), malloc(1 << 20), NULL};
    p.mapped = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bss = 2;
    *p.heap = 4;
    *p.large = 5;
    *p.mapped = 6;
    CHECK_EXIT(run(change_all, &p), 7);
    CHECK(data == 1 && bss == 2 && stack == 3 && *p.heap == 4 && *p.large == 5 && *p.mapped == 6);

    /* What the parent changes after the fork the child does not see either. */
    struct turn turn = turn_new();
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        take(&turn);
        _exit(data == 1 && *p.heap == 4 && *p.mapped == 6 ? 0 : 1);
    }
    data = *p.heap = *p.mapped = 88;
    give(&turn);
    CHECK_EXIT(status_of(pid), 0);
    data = 1;
    turn_free(&turn);
    free(p.heap);
    free(p.large);
    munmap(p.mapped, PAGE);
}

/* Pages of every protection, a hole, and code made at run time. */
static int look_at_maps(void *arg)
{
    char *p = arg;
    CHECK(p[0] == 'a' && p[PAGE] == 'b' && p[3 * PAGE] == 'e');
    CHECK(((int (*)(void))(uintptr_t)(p + 3 * PAGE + 16))() == 42);
    int fds[2];
    CHECK(pipe(fds) == 0);
    CHECK_ERROR(write(fds[1], p + 2 * PAGE, 1), EFAULT); /* PROT_NONE */
    CHECK_ERROR(write(fds[1], p + 4 * PAGE, 1), EFAULT); /* unmapped */
    CHECK(write(fds[1], "x", 1) == 1);
    CHECK_ERROR(read(fds[0], p + PAGE, 1), EFAULT); /* read-only */
    CHECK(mprotect(p + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0 && p[2 * PAGE] == 'c');
    p[2 * PAGE] = 'C';
    CHECK(mprotect(p + PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
    p[PAGE] = 'B';
    CHECK(p[5 * PAGE] == 0); /* never touched before */
    CHECK(munmap(p, 6 * PAGE) == 0);
    return 0;
}

static int write_to_it(void *arg)
{
    *(volatile char *)arg = 1;
    return 0;
}

static void protections(void)
{
    char *p = mmap(NULL, 6 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    static const unsigned char forty_two[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42,%eax; ret */
    for (int i = 0; i < 5; i++)
        p[(unsigned long)i * PAGE] = (char)('a' + i);
    memcpy(p + 3 * PAGE + 16, forty_two, sizeof forty_two);
    p[3 * PAGE] = 'e'; /* 'd' would be a prefix, an access to FS */
    CHECK(mprotect(p + PAGE, PAGE, PROT_READ) == 0 && mprotect(p + 2 * PAGE, PAGE, PROT_NONE) == 0);
    CHECK(mprotect(p + 3 * PAGE, PAGE, PROT_READ | PROT_EXEC) == 0);
    CHECK(munmap(p + 4 * PAGE, PAGE) == 0);
    for (int i = 0; i < 3; i++)
        CHECK_EXIT(run(look_at_maps, p), 0);
    CHECK_KILLED(run(write_to_it, p + PAGE), SIGSEGV);
    CHECK_KILLED(run(write_to_it, p + 2 * PAGE), SIGSEGV);
    CHECK_KILLED(run(write_to_it, p + 3 * PAGE), SIGSEGV);
    CHECK_KILLED(run(write_to_it, p + 4 * PAGE), SIGSEGV);
    CHECK_KILLED(run(write_to_it, (void *)(uintptr_t)constant), SIGSEGV);
    CHECK(p[PAGE] == 'b' && p[0] == 'a');
    munmap(p, 6 * PAGE);
}

/*
 * What nobody can write to is the same for one child after the other, until somebody makes it
 * writable, drops it, or maps something else there.
 */
static char expected[2];

static int has_expected(void *arg)
{
    const char *p = arg;
    return p[0] == expected[0] && p[PAGE] == expected[1] ? 0 : 1;
}

static int changes_its_own(void *arg)
{
    char *p = arg;
    CHECK(has_expected(p) == 0);
    CHECK(mprotect(p, PAGE, PROT_READ | PROT_WRITE) == 0);
    p[0] = 'X';
    CHECK(mprotect(p, PAGE, PROT_READ) == 0 && p[0] == 'X');
    return 0;
}

static int drops_its_own(void *arg)
{
    char *p = arg;
    CHECK(has_expected(p) == 0);
    CHECK(madvise(p, 2 * PAGE, MADV_DONTNEED) == 0 && p[0] == 0 && p[PAGE] == 0);
    return 0;
}

static void expect(char *p, char first, char second)
{
    expected[0] = first;
    expected[1] = second;
    for (int i = 0; i < 3; i++)
        CHECK_EXIT(run(has_expected, p), 0);
    CHECK_EXIT(run(changes_its_own, p), 0);
    CHECK_EXIT(run(has_expected, p), 0);
    CHECK_EXIT(run(drops_its_own, p), 0);
    CHECK_EXIT(run(has_expected, p), 0);
}

static void constants(void)
{
    char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    p[0] = 'a', p[PAGE] = 'b';
    CHECK(mprotect(p, 2 * PAGE, PROT_READ) == 0);
    expect(p, 'a', 'b');
    CHECK(mprotect(p, PAGE, PROT_READ | PROT_WRITE) == 0);
    p[0] = 'c';
    CHECK(mprotect(p, PAGE, PROT_READ) == 0);
    expect(p, 'c', 'b');
    CHECK(madvise(p + PAGE, PAGE, MADV_DONTNEED) == 0);
    expect(p, 'c', 0);
    CHECK(mmap(p, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
          p);
    p[0] = 'd';
    CHECK(mprotect(p, PAGE, PROT_READ) == 0);
    expect(p, 'd', 0);
    munmap(p, 2 * PAGE);
}

/* MADV_DONTFORK and MADV_WIPEONFORK, madvise(2). */
static int without_it(void *arg)
{
    char *p = arg;
    int fds[2];
    CHECK(pipe(fds) == 0);
    CHECK_ERROR(write(fds[1], p, 1), EFAULT);
    CHECK(p[PAGE] == 0 && p[2 * PAGE] == 3);
    p[PAGE] = 9;
    return 0;
}

static void advice(void)
{
    char *p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    p[0] = 1, p[PAGE] = 2, p[2 * PAGE] = 3;
    CHECK(madvise(p, PAGE, MADV_DONTFORK) == 0);
    CHECK(madvise(p + PAGE, PAGE, MADV_WIPEONFORK) == 0);
    CHECK_EXIT(run(without_it, p), 0);
    CHECK(p[0] == 1 && p[PAGE] == 2);
    CHECK(madvise(p, PAGE, MADV_DOFORK) == 0);
    CHECK(madvise(p + PAGE, PAGE, MADV_KEEPONFORK) == 0);
    CHECK_KILLED(run(write_to_it, NULL), SIGSEGV);
    CHECK_EXIT(run(write_to_it, p), 0);
    CHECK(p[0] == 1);
    munmap(p, 3 * PAGE);
}

static int grow_break(void *arg)
{
    char *old = arg;
    CHECK(sbrk(0) == old && old[-1] == 5);
    CHECK(sbrk(100 * (intptr_t)PAGE) == old);
    memset(old, 1, 100 * PAGE);
    CHECK(sbrk(0) == old + 100 * PAGE);
    return 0;
}

static void program_break(void)
{
    CHECK(sbrk(PAGE) != (void *)-1);
    char *now = sbrk(0);
    now[-1] = 5;
    fflush(stdout);
    CHECK_EXIT(run(grow_break, now), 0);
    CHECK(sbrk(0) == now);
    CHECK(sbrk(-(intptr_t)PAGE) == now);
}

/* 64 MiB, each page with a number of its own. */
static int sum_and_change(void *arg)
{
    uint64_t *p = arg, sum = 0;
    for (uint64_t i = 0; i < 64ul << 20 >> 12; i++) {
        sum += p[i * 512];
        p[i * 512] = 0;
    }
    CHECK(sum == 16384ul * 16383 / 2);
    return 0;
}

static void sixty_four_megabytes(void)
{
    uint64_t *p =
        mmap(NULL, 64ul << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (uint64_t i = 0; i < 64ul << 20 >> 12; i++)
        p[i * 512] = i;
    for (int i = 0; i < 3; i++)
        CHECK_EXIT(run(sum_and_change, p), 0);
    for (uint64_t i = 0; i < 64ul << 20 >> 12; i++)
        if (p[i * 512] != i) {
            CHECK(p[i * 512] == i);
            break;
        }
    munmap(p, 64ul << 20);
}

/* ---- what is shared, and what is not inherited ---- */

/*
 * Children one after the other, of a parent whose memory is in use and then is not: where one of
 * them has written, the next finds zeros again.
 */
#define LARGE (4ul << 20)

static int is_filled_with(void *arg)
{
    char *p = arg;
    for (unsigned long i = 0; i < LARGE; i += 512)
        if (p[i] != (i < LARGE / 2 ? 'a' : p[LARGE - 1]))
            return 1;
    memset(p, 'x', LARGE);
    return 0;
}

static void after_one_another(void)
{
    char *p = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    memset(p, 'a', LARGE);
    for (int i = 0; i < 8; i++) {
        if (i == 4)
            CHECK(madvise(p + LARGE / 2, LARGE / 2, MADV_DONTNEED) == 0);
        CHECK_EXIT(run(is_filled_with, p), 0);
    }
    munmap(p, LARGE);
}

static int move_and_write(void *arg)
{
    const int *fds = arg;
    char c;
    CHECK(lseek(fds[0], 0, SEEK_CUR) == 3);
    CHECK(read(fds[0], &c, 1) == 1 && c == 'd');
    CHECK(fcntl(fds[1], F_GETFD) == FD_CLOEXEC); /* stays open in a fork */
    CHECK(write(fds[1], "xyz", 3) == 3);
    CHECK(fcntl(fds[0], F_SETFL, O_APPEND) == 0);
    CHECK(fcntl(fds[1], F_SETFD, 0) == 0);
    CHECK(close(fds[0]) == 0);
    CHECK(open("file", O_RDONLY) == fds[0]); /* its table is its own */
    CHECK(chdir("/") == 0);
    umask(0);
    return 0;
}

static void files(void)
{
    int fds[2] = {open("file", O_RDWR | O_CREAT | O_TRUNC, 0600), -1};
    CHECK(write(fds[0], "abcdef", 6) == 6 && lseek(fds[0], 3, SEEK_SET) == 3);
    fds[1] = open("file2", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    mode_t mask = umask(027);
    CHECK_EXIT(run(move_and_write, fds), 0);
    CHECK(umask(mask) == 027);
    CHECK(lseek(fds[0], 0, SEEK_CUR) == 4); /* the open file is one */
    CHECK(fcntl(fds[0], F_GETFL) & O_APPEND);
    CHECK(lseek(fds[1], 0, SEEK_CUR) == 3);
    CHECK(fcntl(fds[1], F_GETFD) == FD_CLOEXEC);
    CHECK(access("file", F_OK) == 0);
    close(fds[0]);
    close(fds[1]);
    CHECK(unlink("file") == 0 && unlink("file2") == 0);
}

static int nothing_pending(void *arg)
{
    sigset_t set;
    CHECK(sigpending(&set) == 0 && !sigismember(&set, SIGUSR1) && !sigismember(&set, SIGUSR2));
    CHECK(sigprocmask(SIG_BLOCK, NULL, &set) == 0 && sigismember(&set, SIGUSR1));
    CHECK(alarm(0) == 0);
    struct itimerspec left;
    CHECK_ERROR(timer_gettime(*(timer_t *)arg, &left), EINVAL);
    struct rusage usage;
    CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0);
    CHECK(usage.ru_utime.tv_sec == 0 && usage.ru_utime.tv_usec == 0 && usage.ru_maxrss == 0);
    return 0;
}

static void not_inherited(void)
{
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, &old);
    kill(getpid(), SIGUSR1);
    pthread_kill(pthread_self(), SIGUSR2);
    timer_t timer;
    struct sigevent none = {.sigev_notify = SIGEV_NONE};
    CHECK(timer_create(CLOCK_MONOTONIC, &none, &timer) == 0);
    alarm(1000);
    CHECK_EXIT(run(nothing_pending, &timer), 0);
    CHECK(alarm(0) > 900);
    CHECK(timer_delete(timer) == 0);
    CHECK(sigpending(&set) == 0 && sigismember(&set, SIGUSR1) && sigismember(&set, SIGUSR2));
    signal(SIGUSR1, SIG_IGN); /* discards them */
    signal(SIGUSR2, SIG_IGN);
    sigprocmask(SIG_SETMASK, &old, NULL);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
}

static int numbers(void *arg)
{
    const pid_t *parent = arg;
    CHECK(getppid() == *parent && getpid() != *parent && getpid() == gettid());
    CHECK(syscall(SYS_getpid) == getpid());
    CHECK(getpgrp() == getpgid(*parent) && getsid(0) == getsid(*parent));
    return 0;
}

static int nested(void *arg)
{
    int depth = (int)(intptr_t)arg;
    if (depth == 0)
        return 0;
    pid_t self = getpid();
    CHECK_EXIT(run(numbers, &self), 0);
    int status = run(nested, (void *)(intptr_t)(depth - 1));
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status) + 1;
}

int main(void)
{
    pid_t self = getpid();
    memory();
    protections();
    constants();
    advice();
    program_break();
    sixty_four_megabytes();
    after_one_another();
    files();
    not_inherited();
    CHECK_EXIT(run(numbers, &self), 0);
    CHECK_EXIT(run(nested, (void *)10), 10);
    for (int i = 0; i < 256; i += 51)
        CHECK_EXIT(run(exit_with, (void *)(intptr_t)i), i);
    CHECK_EXIT(run(exit_with, (void *)(intptr_t)0x1234), 0x34);
    CHECK(getpid() == self);
    CHECK_ERROR(wait(NULL), ECHILD);
    return guest_result();
}
