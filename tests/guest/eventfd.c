/* SPDX-License-Identifier: MIT */
/* eventfd(2). */

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>

#include "guest.h"

static long get(int fd, uint64_t *value)
{
    *value = 0;
    return read(fd, value, sizeof *value);
}

static long put(int fd, uint64_t value)
{
    return write(fd, &value, sizeof value);
}

static int events(int fd)
{
    struct pollfd p = {fd, POLLIN | POLLOUT, 0};
    CHECK(poll(&p, 1, 0) >= 0);
    return p.revents;
}

static void *read_later(void *arg)
{
    uint64_t value;
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    CHECK(get(*(int *)arg, &value) == 8);
    return (void *)(uintptr_t)value;
}

int main(void)
{
    uint64_t value;
    int fd = eventfd(5, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) && (fcntl(fd, F_GETFL) & O_NONBLOCK));
    CHECK(events(fd) == (POLLIN | POLLOUT));
    CHECK(get(fd, &value) == 8 && value == 5);
    CHECK_ERROR(get(fd, &value), EAGAIN);
    CHECK(events(fd) == POLLOUT);
    CHECK(put(fd, 3) == 8 && put(fd, 4) == 8 && put(fd, 0) == 8);
    CHECK(get(fd, &value) == 8 && value == 7);

    CHECK(put(fd, UINT64_MAX - 1) == 8); /* the largest value */
    CHECK(events(fd) == POLLIN);
    CHECK_ERROR(put(fd, 1), EAGAIN);
    CHECK_ERROR(put(fd, UINT64_MAX), EINVAL);
    CHECK(get(fd, &value) == 8 && value == UINT64_MAX - 1);
    CHECK_ERROR(read(fd, &value, 4), EINVAL);
    CHECK_ERROR(write(fd, &value, 4), EINVAL);
    CHECK_ERROR(pread(fd, &value, 8, 0), ESPIPE);
    CHECK_ERROR(eventfd(0, 0x4), EINVAL);
    close(fd);

    fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
    CHECK(get(fd, &value) == 8 && value == 1 && get(fd, &value) == 8 && value == 1);
    CHECK_ERROR(get(fd, &value), EAGAIN);
    close(fd);

    /* A write that has no room waits for a reader, a read for a writer. */
    pthread_t thread;
    void *got;
    fd = eventfd(0, 0);
    CHECK(put(fd, UINT64_MAX - 1) == 8);
    CHECK(pthread_create(&thread, NULL, read_later, &fd) == 0);
    CHECK(put(fd, 10) == 8);
    CHECK(pthread_join(thread, &got) == 0 && (uintptr_t)got == UINT64_MAX - 1);
    CHECK(pthread_create(&thread, NULL, read_later, &fd) == 0);
    CHECK(pthread_join(thread, &got) == 0 && (uintptr_t)got == 10);
    CHECK(pthread_create(&thread, NULL, read_later, &fd) == 0);
    nanosleep(&(struct timespec){0, 40000000}, NULL); /* it waits by now */
    CHECK(put(fd, 77) == 8);
    CHECK(pthread_join(thread, &got) == 0 && (uintptr_t)got == 77);
    close(fd);
    return guest_result();
}
