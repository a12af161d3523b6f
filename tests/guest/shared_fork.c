/* SPDX-License-Identifier: MIT */
/* Shared memory between a process and its children: fork(2), mmap(2), memfd_create(2), madvise(2). */

#include <fcntl.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "guest.h"

#define PAGE 4096ul
#define BOTH (PROT_READ | PROT_WRITE)

static char *map(unsigned long size, int flags, int fd)
{
    char *p = mmap(NULL, size, BOTH, flags, fd, 0);
    CHECK(p != MAP_FAILED);
    return p;
}

/* Run `child` in one; its exit code is what it found wrong. */
static void in_child(int (*child)(void *arg), void *arg)
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        _exit(child(arg));
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int write_back(void *arg)
{
    char *p = arg;
    if (strcmp(p, "parent") != 0 || strcmp(p + 2 * PAGE, "behind the hole") != 0)
        return 1;
    strcpy(p, "child");
    return munmap(p + 2 * PAGE, PAGE) == 0 ? 0 : 2; /* the parent keeps it */
}

static void anonymous(void)
{
    char *p = map(3 * PAGE, MAP_SHARED | MAP_ANONYMOUS, -1);
    strcpy(p, "parent");
    strcpy(p + 2 * PAGE, "behind the hole");
    CHECK(munmap(p + PAGE, PAGE) == 0);
    in_child(write_back, p);
    CHECK(strcmp(p, "child") == 0 && strcmp(p + 2 * PAGE, "behind the hole") == 0);
    munmap(p, 3 * PAGE);
}

static int map_and_write(void *arg)
{
    int fd = *(int *)arg;
    char *p = map(2 * PAGE, MAP_SHARED, fd);
    if (strcmp(p, "by the parent") != 0)
        return 1;
    strcpy(p + PAGE, "by the child");
    return 0;
}

/* A file that the parent closes before the grandchild maps it. */
static int hand_on(void *arg)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(map_and_write(arg));
    return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
}

static void memfd(void)
{
    char text[16];
    int fd = memfd_create("shared", 0);
    CHECK(ftruncate(fd, 2 * PAGE) == 0 && pwrite(fd, "by the parent", 14, 0) == 14);
    in_child(map_and_write, &fd);
    CHECK(pread(fd, text, 13, PAGE) == 13 && strcmp(text, "by the child") == 0);
    char *p = map(2 * PAGE, MAP_SHARED, fd);
    strcpy(p + PAGE, "?");
    in_child(hand_on, &fd);
    CHECK(strcmp(p + PAGE, "by the child") == 0);
    munmap(p, 2 * PAGE);
    close(fd);
}

static int look_at_advised(void *arg)
{
    char *p = arg;
    int fds[2];
    if (p[0] != 1 || p[2 * PAGE] != 0)
        return 1;
    if (pipe(fds) < 0 || write(fds[1], p + PAGE, 1) != -1 || errno != EFAULT)
        return 2; /* it is not mapped */
    return 0;
}

static void advised(void)
{
    char *p = map(3 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    memset(p, 1, 3 * PAGE);
    CHECK(madvise(p + PAGE, PAGE, MADV_DONTFORK) == 0);
    CHECK(madvise(p + 2 * PAGE, PAGE, MADV_WIPEONFORK) == 0);
    in_child(look_at_advised, p);
    CHECK(p[PAGE] == 1 && p[2 * PAGE] == 1);
    munmap(p, 3 * PAGE);
}

struct turns {
    _Atomic int turn;
    int count;
};

static void futex(_Atomic int *word, int operation, int value)
{
    syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

static void take_turns(struct turns *t, int mine, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        while (t->turn != mine)
            futex(&t->turn, FUTEX_WAIT, !mine);
        t->count++;
        t->turn = !mine;
        futex(&t->turn, FUTEX_WAKE, 1);
    }
}

/* The child has the file at another address than the parent. */
static void futexes(void)
{
    int rounds = (int)guest_count(200, 20000), status;
    int fd = memfd_create("turns", 0);
    CHECK(ftruncate(fd, PAGE) == 0);
    struct turns *t = (struct turns *)map(PAGE, MAP_SHARED, fd);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct turns *again = (struct turns *)map(PAGE, MAP_SHARED, fd);
        munmap(t, PAGE);
        take_turns(again, 1, rounds);
        _exit(0);
    }
    take_turns(t, 0, rounds);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(t->count == 2 * rounds);
    munmap(t, PAGE);
    close(fd);
}

int main(void)
{
    anonymous();
    memfd();
    advised();
    futexes();
    return guest_result();
}
