/* SPDX-License-Identifier: MIT */
#ifndef TESTS_QUEUES_H
#define TESTS_QUEUES_H

/*
 * For guest tests of message queues: the calls themselves, which know no slash before a name, and
 * a container's own queues and file system of them, natively, too.
 */

#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>

#include "docker_root.h"

#define MQUEUE_MAGIC 0x19800202
#define BAD ((void *)16)

static const char *queues_at = "/dev/mqueue"; /* NULL: it cannot be mounted */

/* First of all; afterwards this is a docker's root, or who it was before. */
static inline void queues_begin(void)
{
    struct statfs fs;
    umask(022);
    if (statfs(queues_at, &fs) != 0 || fs.f_type != MQUEUE_MAGIC) {
        static char at[4096];
        queues_at = NULL;
        if (unshare(CLONE_NEWNS | CLONE_NEWIPC) == 0 &&
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mkdir("queues", 0755) == 0 &&
            mount("mqueue", "queues", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0 &&
            getcwd(at, sizeof at - 8))
            queues_at = strcat(at, "/queues");
    }
    CHECK(geteuid() != 0 || become_docker_root());
}

static inline int q_open(const char *name, int flags, unsigned mode, const struct mq_attr *attr)
{
    return (int)syscall(SYS_mq_open, name, flags, mode, attr);
}

/* A new queue, for reading and writing. */
static inline int q_new(const char *name, long count, long size)
{
    struct mq_attr attr = {.mq_maxmsg = count, .mq_msgsize = size};
    int fd = q_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
    CHECK(fd >= 0);
    return fd;
}

static inline int q_unlink(const char *name)
{
    return (int)syscall(SYS_mq_unlink, name);
}

static inline int q_send(int fd, const void *data, size_t size, unsigned priority,
                         const struct timespec *until)
{
    return (int)syscall(SYS_mq_timedsend, fd, data, size, priority, until);
}

static inline ssize_t q_receive(int fd, void *data, size_t size, unsigned *priority,
                                const struct timespec *until)
{
    return syscall(SYS_mq_timedreceive, fd, data, size, priority, until);
}

static inline int q_notify(int fd, const struct sigevent *event)
{
    return (int)syscall(SYS_mq_notify, fd, event);
}

static inline int q_attr(int fd, const struct mq_attr *set, struct mq_attr *old)
{
    return (int)syscall(SYS_mq_getsetattr, fd, set, old);
}

static inline long q_count(int fd)
{
    struct mq_attr attr;
    return q_attr(fd, NULL, &attr) == 0 ? attr.mq_curmsgs : -1;
}

/* The time of day, so many ms from now. */
static inline struct timespec in_ms(long ms)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    ts.tv_sec += ms / 1000;
    ts.tv_nsec += ms % 1000 * 1000000;
    if (ts.tv_nsec < 0 || ts.tv_nsec >= 1000000000) {
        int carry = ts.tv_nsec < 0 ? -1 : 1;
        ts.tv_sec += carry;
        ts.tv_nsec -= carry * 1000000000l;
    }
    return ts;
}

#endif
