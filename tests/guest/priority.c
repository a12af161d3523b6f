/* SPDX-License-Identifier: MIT */
/* getpriority(2), setpriority(2), ioprio_get(2), ioprio_set(2). */

#include <pthread.h>

#include "docker_root.h"

#define GET(which, who) SHOW(syscall(SYS_getpriority, which, who))
#define SET(which, who, nice) SHOW(syscall(SYS_setpriority, which, who, nice))
#define IO_GET(which, who) SHOW(syscall(SYS_ioprio_get, which, who))
#define IO_SET(which, who, value) SHOW(syscall(SYS_ioprio_set, which, who, value))
#define IO(class, level) ((class) << 13 | (level))

static void *in_thread(void *arg)
{
    (void)arg;
    GET(PRIO_PROCESS, 0); /* handed on */
    IO_GET(1, 0);
    SET(PRIO_PROCESS, 0, 9);
    IO_SET(1, 0, IO(3, 0));
    GET(PRIO_PROCESS, 0);
    IO_GET(1, 0);
    SHOW(syscall(SYS_getpriority, PRIO_PROCESS, getpid())); /* the other one is as it was */
    SHOW(syscall(SYS_ioprio_get, 1, getpid()));
    return NULL;
}

static void nice_values(void)
{
    GET(PRIO_PROCESS, 0);
    GET(PRIO_PROCESS, 999999);
    GET(PRIO_PGRP, 999999);
    GET(PRIO_USER, 999999);
    GET(3, 0);
    GET(-1, 0);
    SET(3, 0, 0);
    SET(PRIO_PROCESS, 999999, 0);
    SET(PRIO_USER, 999999, 0);
    SET(PRIO_PROCESS, 0, -1);
    SET(PRIO_PROCESS, 0, 0);
    SET(PRIO_PROCESS, 0, 3);
    GET(PRIO_PROCESS, 0);
    SET(PRIO_PROCESS, 0, 2);
    SET(PRIO_PROCESS, getpid(), 5);
    GET(PRIO_PROCESS, getpid());
    struct rlimit l;
    SHOW(getrlimit(RLIMIT_NICE, &l));
    printf("%d %d\n", (int)l.rlim_cur, (int)l.rlim_max);
}

static void io_priorities(void)
{
    IO_GET(0, 0);
    IO_GET(4, 0);
    IO_GET(1, 999999);
    IO_GET(2, 999999);
    IO_GET(3, 999999);
    IO_SET(0, 0, IO(2, 4));
    IO_SET(1, 999999, IO(2, 4));
    IO_SET(1, 0, IO(1, 4));
    IO_SET(1, 0, IO(0, 4));
    IO_SET(1, 0, IO(7, 0));
    IO_SET(1, 0, IO(4, 0));
    IO_SET(1, 0, IO(2, 6));
    IO_GET(1, 0);
}

int main(void)
{
    int root = become_docker_root();
    CHECK(root || geteuid() != 0);
    CHECK(setpriority(PRIO_PROCESS, 0, 0) == 0 || errno == EACCES);
    nice_values();
    io_priorities();
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, in_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
    GET(PRIO_PROCESS, 0);
    IO_GET(1, 0);
    if (root) {
        CHECK(setresuid(54321, 54321, 54321) == 0);
        SET(PRIO_USER, 0, 7);
        GET(PRIO_USER, 54321);
        IO_SET(3, 54321, IO(2, 1));
        IO_SET(3, 54321, IO(1, 1));
        IO_GET(3, 54321);
        SET(PRIO_USER, 0, 19);
        SET(PRIO_PROCESS, 0, 100);
        GET(PRIO_PROCESS, 0);
    }
    return guest_result();
}
