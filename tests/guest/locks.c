/* SPDX-License-Identifier: MIT */
/*
 * Locks on files: fcntl(2)'s of open files (F_OFD_SETLK) and of the process, and flock(2)'s; and
 * fcntl(2)'s commands for owners, leases and comparing descriptors.
 */

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#include "guest.h"

#ifndef F_DUPFD_QUERY
#define F_DUPFD_QUERY 1027
#endif

static struct flock lock_of(int type, long start, long size)
{
    return (struct flock){
        .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = size};
}

static int ofd(int fd, int type, long start, long size)
{
    struct flock l = lock_of(type, start, size);
    return fcntl(fd, F_OFD_SETLK, &l);
}

static int posix(int fd, int type, long start, long size)
{
    struct flock l = lock_of(type, start, size);
    return fcntl(fd, F_SETLK, &l);
}

/* What is in the way of a write lock there, as "type start size", or "none". */
static const char *in_the_way(int fd, long start, long size)
{
    static char text[64];
    struct flock l = lock_of(F_WRLCK, start, size);
    CHECK(fcntl(fd, F_OFD_GETLK, &l) == 0);
    if (l.l_type == F_UNLCK)
        return "none";
    CHECK(l.l_whence == SEEK_SET && (l.l_pid == -1 || l.l_pid == getpid()));
    snprintf(text, sizeof text, "%s%c %ld %ld", l.l_pid == -1 ? "" : "p",
             l.l_type == F_RDLCK ? 'r' : 'w', (long)l.l_start, (long)l.l_len);
    return text;
}

#define IN_THE_WAY(fd, start, size, want)                                              \
    do {                                                                               \
        const char *way = in_the_way(fd, start, size);                                 \
        if (strcmp(way, want))                                                         \
            printf("%d: \"%s\", not \"%s\"\n", __LINE__, way, want), guest_failures++; \
    } while (0)

static int open_file(int flags)
{
    int fd = open("locked", flags | O_CREAT, 0600);
    CHECK(fd >= 0);
    return fd;
}

static void of_open_files(void)
{
    int a = open_file(O_RDWR), b = open_file(O_RDWR), copy = dup(a);
    CHECK(ofd(a, F_WRLCK, 10, 10) == 0);
    CHECK_ERROR(ofd(b, F_WRLCK, 19, 1), EAGAIN);
    CHECK_ERROR(ofd(b, F_RDLCK, 0, 11), EAGAIN);
    CHECK(ofd(b, F_WRLCK, 20, 5) == 0 && ofd(b, F_RDLCK, 0, 10) == 0);
    CHECK(ofd(copy, F_WRLCK, 10, 10) == 0); /* the same open file */
    IN_THE_WAY(b, 0, 0, "w 10 10");
    IN_THE_WAY(a, 0, 0, "r 0 10");
    IN_THE_WAY(a, 10, 10, "none");
    IN_THE_WAY(a, 15, 10, "w 20 5");

    /* Cut in the middle, joined again, of mixed types. */
    CHECK(ofd(b, F_UNLCK, 0, 0) == 0 && ofd(a, F_UNLCK, 13, 2) == 0);
    IN_THE_WAY(b, 0, 0, "w 10 3");
    IN_THE_WAY(b, 13, 0, "w 15 5");
    IN_THE_WAY(b, 13, 2, "none");
    CHECK(ofd(a, F_WRLCK, 13, 2) == 0);
    IN_THE_WAY(b, 0, 0, "w 10 10");
    CHECK(ofd(a, F_RDLCK, 12, 4) == 0);
    IN_THE_WAY(b, 0, 0, "w 10 2");
    IN_THE_WAY(b, 12, 1, "r 12 4");
    IN_THE_WAY(b, 16, 1, "w 16 4");
    CHECK(ofd(b, F_RDLCK, 13, 2) == 0);
    CHECK_ERROR(ofd(a, F_WRLCK, 0, 0), EAGAIN);
    IN_THE_WAY(b, 0, 0, "w 10 2"); /* as it was */
    CHECK(ofd(b, F_UNLCK, 0, 0) == 0 && ofd(a, F_WRLCK, 5, 0) == 0);
    IN_THE_WAY(b, 0, 0, "w 5 0");
    CHECK(ofd(a, F_UNLCK, 0, 100) == 0);
    IN_THE_WAY(b, 0, 0, "w 100 0");

    close(a);
    CHECK_ERROR(ofd(b, F_RDLCK, 200, 1), EAGAIN); /* the copy holds it */
    close(copy);
    CHECK(ofd(b, F_RDLCK, 200, 1) == 0);

    struct flock l = lock_of(F_RDLCK, 0, 1);
    l.l_pid = 1;
    CHECK_ERROR(fcntl(b, F_OFD_SETLK, &l), EINVAL);
    CHECK_ERROR(fcntl(b, F_OFD_GETLK, &l), EINVAL);
    close(b);
}

static void ranges(void)
{
    int a = open_file(O_RDWR), b = open_file(O_RDWR);
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = -2, .l_len = 5};
    CHECK(ftruncate(a, 100) == 0 && lseek(a, 50, SEEK_SET) == 50);
    CHECK(fcntl(a, F_OFD_SETLK, &l) == 0);
    IN_THE_WAY(b, 0, 0, "w 48 5");
    l = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = 0, .l_len = -10};
    CHECK(fcntl(a, F_OFD_SETLK, &l) == 0);
    IN_THE_WAY(b, 60, 0, "w 90 10");
    CHECK(ofd(a, F_UNLCK, 0, 0) == 0);
    static const struct {
        short type, whence;
        long start, size;
        int error;
    } rows[] = {
        {F_WRLCK, SEEK_SET, -1, 1, EINVAL},
        {F_WRLCK, SEEK_SET, 5, -6, EINVAL},
        {F_WRLCK, SEEK_SET, 5, -5, 0},
        {F_WRLCK, 3, 0, 1, EINVAL},
        {9, SEEK_SET, 0, 1, EINVAL},
        {F_WRLCK, SEEK_CUR, INT64_MAX, 1, EOVERFLOW},
        {F_WRLCK, SEEK_SET, INT64_MAX, 2, EOVERFLOW},
        {F_WRLCK, SEEK_SET, INT64_MAX, 1, 0},
        {F_RDLCK, SEEK_CUR, -50, 1, 0},
        {F_RDLCK, SEEK_CUR, -51, 1, EINVAL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        l = (struct flock){.l_type = rows[i].type,
                           .l_whence = rows[i].whence,
                           .l_start = rows[i].start,
                           .l_len = rows[i].size};
        errno = 0;
        CHECK((fcntl(a, F_OFD_SETLK, &l) == 0) == !rows[i].error && errno == rows[i].error);
        l.l_len = rows[i].size;
        errno = 0;
        CHECK((fcntl(a, F_SETLK, &l) == 0 || errno == EAGAIN) == !rows[i].error);
    }
    int readonly = open_file(O_RDONLY), writeonly = open("locked", O_WRONLY);
    CHECK_ERROR(ofd(readonly, F_WRLCK, 700, 1), EBADF);
    CHECK_ERROR(posix(writeonly, F_RDLCK, 700, 1), EBADF);
    CHECK_ERROR(fcntl(a, F_SETLK, 8), EFAULT);
    l = lock_of(F_UNLCK, 0, 0);
    CHECK_ERROR(fcntl(a, F_GETLK, &l), EINVAL);
    CHECK_ERROR(posix(900, F_RDLCK, 0, 1), EBADF);
    close(readonly);
    close(writeonly);
    close(a);
    close(b);
}

/* All of the process's record locks go when it closes any descriptor of the file. */
static void of_the_process(void)
{
    int a = open_file(O_RDWR), b = open_file(O_RDWR);
    CHECK(posix(a, F_WRLCK, 0, 10) == 0 && posix(b, F_WRLCK, 5, 10) == 0); /* one owner */
    IN_THE_WAY(a, 0, 0, "pw 0 15");
    CHECK_ERROR(ofd(a, F_WRLCK, 3, 1), EAGAIN); /* another one */
    close(b);
    IN_THE_WAY(a, 0, 0, "none");
    CHECK(posix(a, F_WRLCK, 0, 10) == 0);
    b = open_file(O_RDONLY);
    CHECK(dup2(0, b) == b); /* closes it, too */
    IN_THE_WAY(a, 0, 0, "none");
    close(b);
    CHECK(ofd(a, F_WRLCK, 20, 1) == 0);
    struct flock l = lock_of(F_RDLCK, 0, 0);
    CHECK(fcntl(a, F_GETLK, &l) == 0 && l.l_type == F_WRLCK && l.l_pid == -1 && l.l_start == 20);
    close(a);
}

static void of_flock(void)
{
    int a = open_file(O_RDWR), b = open_file(O_RDONLY), copy = dup(a);
    CHECK(flock(a, LOCK_SH) == 0 && flock(b, LOCK_SH | LOCK_NB) == 0);
    CHECK_ERROR(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK); /* and the shared one is lost */
    CHECK(flock(a, LOCK_EX | LOCK_NB) == 0);
    CHECK_ERROR(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
    CHECK(flock(copy, LOCK_SH) == 0 && flock(b, LOCK_SH | LOCK_NB) == 0);
    CHECK(flock(a, LOCK_UN) == 0 && flock(a, LOCK_UN) == 0);
    CHECK(flock(b, LOCK_EX | LOCK_NB) == 0);
    CHECK(ofd(a, F_WRLCK, 0, 0) == 0); /* these do not see each other */
    close(b);
    CHECK(flock(copy, LOCK_EX | LOCK_NB) == 0);
    close(a);
    a = open_file(O_RDONLY);
    CHECK_ERROR(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    close(copy);
    CHECK(flock(a, LOCK_EX | LOCK_NB) == 0);
    CHECK_ERROR(flock(a, LOCK_NB), EINVAL);
    CHECK_ERROR(flock(a, 16), EINVAL);
    CHECK_ERROR(flock(900, LOCK_SH), EBADF);
    int place = open("locked", O_PATH), dir = open(".", O_RDONLY), dir2 = open(".", O_RDONLY);
    CHECK_ERROR(flock(place, LOCK_SH), EBADF);
    CHECK(flock(dir, LOCK_EX) == 0);
    CHECK_ERROR(flock(dir2, LOCK_SH | LOCK_NB), EWOULDBLOCK);
    close(dir);
    CHECK(flock(dir2, LOCK_SH | LOCK_NB) == 0);
    close(dir2);
    close(place);
    close(a);
}

/* Threads with an open file each that wait for one another; a counter shows that they do. */
#define THREADS 4

static _Atomic int inside, most;
static long counter;

static void *take_turns(void *arg)
{
    int fd = open_file(O_RDWR), how = (int)(intptr_t)arg;
    for (long i = guest_count(300, 20000); i > 0; i--) {
        struct flock l = lock_of(F_WRLCK, 7, 1);
        CHECK((how ? fcntl(fd, F_OFD_SETLKW, &l) : flock(fd, LOCK_EX)) == 0);
        if (++inside > 1)
            most = inside;
        counter++;
        inside--;
        l.l_type = F_UNLCK;
        CHECK((how ? fcntl(fd, F_OFD_SETLK, &l) : flock(fd, LOCK_UN)) == 0);
    }
    close(fd);
    return NULL;
}

static void waits(void)
{
    pthread_t t[THREADS];
    for (intptr_t how = 0; how < 2; how++) {
        counter = most = 0;
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_create(&t[i], NULL, take_turns, (void *)how) == 0);
        for (int i = 0; i < THREADS; i++)
            pthread_join(t[i], NULL);
        CHECK(counter == THREADS * guest_count(300, 20000) && most == 0);
    }
}

static void on_alarm(int sig)
{
    (void)sig;
}

static void interrupts(void)
{
    int a = open_file(O_RDWR), b = open_file(O_RDWR);
    struct sigaction action = {.sa_handler = on_alarm};
    struct flock l = lock_of(F_WRLCK, 0, 1);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(ofd(a, F_WRLCK, 0, 0) == 0 && flock(a, LOCK_EX) == 0);
    alarm(1);
    CHECK_ERROR(fcntl(b, F_OFD_SETLKW, &l), EINTR);
    alarm(1);
    CHECK_ERROR(flock(b, LOCK_SH), EINTR);
    alarm(1);
    CHECK_ERROR(fcntl(b, F_SETLKW, &l), EINTR);
    close(a);
    CHECK(fcntl(b, F_SETLKW, &l) == 0 && flock(b, LOCK_SH) == 0);
    close(b);
}

static void owners(void)
{
    int p[2], file = open_file(O_RDWR), dir = open(".", O_RDONLY);
    struct f_owner_ex ex = {F_OWNER_TID, getpid()};
    CHECK(pipe(p) == 0);
    CHECK(fcntl(p[0], F_GETOWN) == 0 && fcntl(p[0], F_GETSIG) == 0);
    CHECK(fcntl(p[0], F_SETOWN, getpid()) == 0 && fcntl(p[0], F_GETOWN) == getpid());
    CHECK(fcntl(p[0], F_SETOWN_EX, &ex) == 0);
    ex = (struct f_owner_ex){7, 7};
    CHECK(fcntl(p[0], F_GETOWN_EX, &ex) == 0 && ex.type == F_OWNER_TID && ex.pid == getpid());
    CHECK_ERROR(fcntl(p[0], F_SETOWN, 4000000), ESRCH);
    ex.type = 3;
    CHECK_ERROR(fcntl(p[0], F_SETOWN_EX, &ex), EINVAL);
    CHECK(fcntl(p[0], F_SETOWN, -getpgrp()) == 0);
    CHECK(fcntl(p[0], F_GETOWN_EX, &ex) == 0 && ex.type == F_OWNER_PGRP && ex.pid == getpgrp());
    CHECK(fcntl(p[0], F_SETSIG, SIGRTMIN) == 0 && fcntl(p[0], F_GETSIG) == SIGRTMIN);
    CHECK_ERROR(fcntl(p[0], F_SETSIG, 65), EINVAL);
    CHECK(fcntl(p[0], F_SETOWN, 0) == 0 && fcntl(p[0], F_SETFL, O_ASYNC | O_NONBLOCK) == 0);
    CHECK(fcntl(p[0], F_GETFL) == (O_ASYNC | O_NONBLOCK));
    CHECK(fcntl(p[0], F_SETFL, 0) == 0 && fcntl(p[0], F_GETFL) == 0);
    int on = 1;
    CHECK(ioctl(p[0], FIOASYNC, &on) == 0 && fcntl(p[0], F_GETFL) == O_ASYNC);
    CHECK_ERROR(ioctl(file, FIOASYNC, &on), ENOTTY);
    on = 0;
    CHECK(ioctl(p[0], FIOASYNC, &on) == 0 && fcntl(p[0], F_GETFL) == 0);

    CHECK(fcntl(file, F_GETLEASE) == F_UNLCK);
    CHECK_ERROR(fcntl(file, F_SETLEASE, F_RDLCK), EAGAIN); /* it is open to write */
    CHECK_ERROR(fcntl(file, F_SETLEASE, F_UNLCK), EAGAIN);
    CHECK_ERROR(fcntl(file, F_SETLEASE, 9), EINVAL);
    CHECK_ERROR(fcntl(p[0], F_SETLEASE, F_RDLCK), EINVAL);
    CHECK_ERROR(fcntl(file, F_NOTIFY, DN_MODIFY), ENOTDIR);

    int copy = dup(file), other = open_file(O_RDONLY);
    CHECK(fcntl(file, F_DUPFD_QUERY, copy) == 1 && fcntl(file, F_DUPFD_QUERY, file) == 1);
    CHECK(fcntl(file, F_DUPFD_QUERY, other) == 0);
    CHECK_ERROR(fcntl(file, F_DUPFD_QUERY, 900), EBADF);
    close(copy);
    close(other);
    close(file);
    close(dir);
    close(p[0]);
    close(p[1]);
}

int main(void)
{
    of_open_files();
    ranges();
    of_the_process();
    of_flock();
    waits();
    interrupts();
    owners();
    CHECK(unlink("locked") == 0);
    return guest_result();
}
