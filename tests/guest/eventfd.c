/* SPDX-License-Identifier: MIT */
/* eventfd(2): counting, semaphores, the limit, waiting. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "guest.h"

#define ROUNDS 2000

static void counting(void)
{
    uint64_t v = 0;
    int fd = eventfd(3, EFD_NONBLOCK);
    CHECK(fd >= 0 && fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK));
    CHECK(read(fd, &v, sizeof v) == 8 && v == 3);
    CHECK_ERROR(read(fd, &v, sizeof v), EAGAIN);
    CHECK_ERROR(read(fd, &v, 7), EINVAL);
    CHECK_ERROR(write(fd, &v, 7), EINVAL);
    v = 5;
    CHECK(write(fd, &v, sizeof v) == 8 && write(fd, &v, sizeof v) == 8);
    char wide[16];
    CHECK(read(fd, wide, sizeof wide) == 8);
    memcpy(&v, wide, sizeof v);
    CHECK(v == 10);
    v = UINT64_MAX;
    CHECK_ERROR(write(fd, &v, sizeof v), EINVAL);
    v = UINT64_MAX - 1;
    CHECK(write(fd, &v, sizeof v) == 8);
    v = 1;
    CHECK_ERROR(write(fd, &v, sizeof v), EAGAIN);
    v = 0;
    CHECK(write(fd, &v, sizeof v) == 8);
    CHECK(read(fd, &v, sizeof v) == 8 && v == UINT64_MAX - 1);
    CHECK_ERROR(pread(fd, &v, sizeof v, 0), ESPIPE);
    CHECK_ERROR(ftruncate(fd, 0), EINVAL);
    struct stat st;
    CHECK(fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0600);
    close(fd);

    fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
    CHECK(read(fd, &v, sizeof v) == 8 && v == 1);
    CHECK(read(fd, &v, sizeof v) == 8 && v == 1);
    CHECK_ERROR(read(fd, &v, sizeof v), EAGAIN);
    close(fd);
    CHECK_ERROR(eventfd(0, 2), EINVAL);
    fd = (int)syscall(SYS_eventfd, 7);
    CHECK(read(fd, &v, sizeof v) == 8 && v == 7);
    close(fd);
}

static void *give(void *arg)
{
    uint64_t one = 1;
    for (int i = 0; i < ROUNDS; i++)
        CHECK(write((int)(intptr_t)arg, &one, sizeof one) == 8);
    return NULL;
}

static void waiting(void)
{
    pthread_t t[2];
    int fd = eventfd(0, EFD_SEMAPHORE);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&t[i], NULL, give, (void *)(intptr_t)fd) == 0);
    uint64_t v, sum = 0;
    for (int i = 0; i < 2 * ROUNDS; i++) {
        CHECK(read(fd, &v, sizeof v) == 8);
        sum += v;
    }
    CHECK(sum == 2 * ROUNDS);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    close(fd);

    /* A write that has to wait. */
    fd = eventfd(0, 0);
    v = UINT64_MAX - 1;
    CHECK(write(fd, &v, sizeof v) == 8);
    CHECK(pthread_create(&t[0], NULL, give, (void *)(intptr_t)fd) == 0);
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    CHECK(read(fd, &v, sizeof v) == 8 && v == UINT64_MAX - 1);
    pthread_join(t[0], NULL);
    CHECK(read(fd, &v, sizeof v) == 8 && v == ROUNDS);
    close(fd);
}

int main(void)
{
    counting();
    waiting();
    return guest_result();
}
