/* SPDX-License-Identifier: MIT */
#ifndef TESTS_GUEST_PROCESS_H
#define TESTS_GUEST_PROCESS_H

/*
 * For guest tests that start processes.  Output is flushed before every fork,
 * and a child ends by _exit(): nothing is printed twice.  Children take turns
 * by pipes, never by time.
 */

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "guest.h"

#define CHILD_FAILED 99 /* exit code of a child whose check failed */

/* Fork; the child runs `body` and exits with what that returns, or CHILD_FAILED. */
static inline pid_t start(int (*body)(void *), void *arg)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        guest_failures = 0;
        int code = body(arg);
        fflush(stdout);
        _exit(guest_failures ? CHILD_FAILED : code);
    }
    CHECK(pid > 0);
    return pid;
}

/* Wait for the end of one child: its status, or -1. */
static inline int status_of(pid_t pid)
{
    int status = -1;
    pid_t got;
    do
        got = waitpid(pid, &status, 0);
    while (got < 0 && errno == EINTR);
    CHECK(got == pid);
    return got == pid ? status : -1;
}

static inline int run(int (*body)(void *), void *arg)
{
    return status_of(start(body, arg));
}

/* The child exits with this code, and its checks hold. */
#define CHECK_EXIT(status, code)                                                          \
    do {                                                                                  \
        int guest_status = (status);                                                      \
        if (!WIFEXITED(guest_status) || WEXITSTATUS(guest_status) != (code)) {            \
            guest_failures++;                                                             \
            printf("%s:%d: %s: status %#x\n", __FILE__, __LINE__, #status, guest_status); \
        }                                                                                 \
    } while (0)

#define CHECK_KILLED(status, number)                                                      \
    do {                                                                                  \
        int guest_status = (status);                                                      \
        if (!WIFSIGNALED(guest_status) || WTERMSIG(guest_status) != (number)) {           \
            guest_failures++;                                                             \
            printf("%s:%d: %s: status %#x\n", __FILE__, __LINE__, #status, guest_status); \
        }                                                                                 \
    } while (0)

/* A turn: one byte through a pipe.  give() ends it, take() waits for it; take() is 0 at the end. */
struct turn {
    int fds[2];
};

static inline struct turn turn_new(void)
{
    struct turn t;
    CHECK(pipe(t.fds) == 0);
    return t;
}

static inline void give(const struct turn *t)
{
    CHECK(write(t->fds[1], "x", 1) == 1);
}

static inline int take(const struct turn *t)
{
    char c;
    ssize_t n;
    do
        n = read(t->fds[0], &c, 1);
    while (n < 0 && errno == EINTR);
    return n == 1;
}

static inline void turn_free(struct turn *t)
{
    close(t->fds[0]);
    close(t->fds[1]);
}

/* Wait for a signal for ever; a child that is to be killed. */
static inline int sleep_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        pause();
    return 0;
}

/* Exit with the code that is the argument. */
static inline int exit_with(void *arg)
{
    return (int)(intptr_t)arg;
}

/* 1 if the process, or its first thread, sleeps. */
static inline int sleeps(pid_t pid)
{
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    const char *end = strrchr(text, ')');
    return end && end[2] == 'S';
}

#endif
