/* SPDX-License-Identifier: MIT */
/* fcntl(2), F_NOTIFY: signals about what happens in a directory, and what they tell. */

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "guest_process.h"

#define ALL (DN_ACCESS | DN_MODIFY | DN_CREATE | DN_DELETE | DN_RENAME | DN_ATTRIB)
#define SIGNAL (SIGRTMIN + 1) /* every one of them is queued */

static volatile sig_atomic_t told, told_here;
static siginfo_t last;
static _Thread_local volatile int is_here;

static void on_signal(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    told++;
    told_here = is_here;
    last = *info;
}

/* How many signals there were since the last time, and what the last one said. */
static void show(const char *what)
{
    printf("%s: %d", what, (int)told);
    if (told)
        printf(" signal %s code %d band %#lx", last.si_signo == SIGIO ? "IO" : "RT", last.si_code,
               last.si_code == POLL_MSG ? last.si_band : 0);
    printf("\n");
    told = 0;
}

static int directory(const char *path, int sig, unsigned events)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    CHECK(fd >= 0 && (!sig || fcntl(fd, F_SETSIG, sig) == 0));
    CHECK(!events || fcntl(fd, F_NOTIFY, events) == 0);
    return fd;
}

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

static void list(const char *path)
{
    DIR *d = opendir(path);
    while (d && readdir(d)) {
    }
    CHECK(d && closedir(d) == 0);
}

/* All that can happen, with one event wanted, or all of them. */
static void happen(unsigned events)
{
    char text[32], byte;
    sprintf(text, "events %#x", events);
    printf("%s\n", text);
    int fd = directory("d", SIGNAL, events | DN_MULTISHOT);
    int file = open("d/f", O_RDWR | O_CREAT, 0644);
    show("create");
    CHECK(mkdir("d/sub", 0755) == 0);
    show("mkdir");
    CHECK(symlink("f", "d/s") == 0 && mkfifo("d/p", 0644) == 0);
    show("symlink, mkfifo");
    CHECK(link("d/f", "d/l") == 0);
    show("link");
    CHECK(write(file, "hello", 5) == 5);
    show("write");
    CHECK(pwrite(file, "h", 1, 0) == 1);
    show("pwrite");
    CHECK(pread(file, &byte, 1, 0) == 1);
    show("pread");
    CHECK(ftruncate(file, 2) == 0);
    show("ftruncate");
    CHECK(truncate("d/f", 3) == 0);
    show("truncate");
    CHECK(close(open("d/f", O_WRONLY | O_TRUNC)) == 0);
    show("O_TRUNC");
    CHECK(fchmod(file, 0600) == 0);
    show("fchmod");
    CHECK(chmod("d/f", 0644) == 0 && chown("d/f", getuid(), getgid()) == 0);
    show("chmod, chown");
    CHECK(utimensat(AT_FDCWD, "d/f", NULL, 0) == 0);
    show("utimensat");
    CHECK(chmod("d", 0750) == 0);
    show("chmod of itself");
    CHECK(chmod("d/sub", 0750) == 0);
    show("chmod of a directory");
    list("d");
    show("list");
    list("d/sub");
    show("list a directory");
    put("d/sub/x", "x");
    CHECK(unlink("d/sub/x") == 0);
    show("in a directory of its");
    CHECK(rename("d/f", "d/g") == 0);
    show("rename");
    CHECK(rename("d/g", "d/s") == 0);
    show("rename over");
    CHECK(rename("d/s", "e/f") == 0);
    show("rename away");
    CHECK(rename("e/f", "d/f") == 0);
    show("rename into");
    CHECK(rename("d/sub", "d/bus") == 0);
    show("rename a directory");
    CHECK(unlink("d/l") == 0);
    show("unlink one name");
    CHECK(unlink("d/f") == 0);
    show("unlink");
    CHECK(write(file, "x", 1) == 1);
    show("write without a name");
    CHECK(close(file) == 0 && unlink("d/p") == 0 && rmdir("d/bus") == 0);
    show("the rest");
    CHECK(close(fd) == 0);
    put("d/f", "x");
    CHECK(unlink("d/f") == 0);
    show("closed");
}

static void arguments(void)
{
    int file = open("f", O_RDWR | O_CREAT, 0644), path = open("d", O_PATH), p[2];
    CHECK(pipe(p) == 0);
    CHECK_ERROR(fcntl(file, F_NOTIFY, DN_CREATE), ENOTDIR);
    CHECK_ERROR(fcntl(p[0], F_NOTIFY, DN_CREATE), ENOTDIR);
    CHECK(fcntl(file, F_NOTIFY, 0) == 0 && fcntl(p[1], F_NOTIFY, DN_MULTISHOT) == 0);
    CHECK_ERROR(fcntl(path, F_NOTIFY, DN_CREATE), EBADF);
    CHECK_ERROR(fcntl(path, F_NOTIFY, 0), EBADF);
    CHECK_ERROR(fcntl(-1, F_NOTIFY, DN_CREATE), EBADF);
    CHECK_ERROR(fcntl(file, F_SETSIG, 65), EINVAL);
    int fd = directory("d", SIGNAL, 0);
    CHECK(fcntl(fd, F_GETOWN) == 0);
    CHECK(fcntl(fd, F_NOTIFY, 0x40000000) == 0); /* nothing that is known */
    CHECK(fcntl(fd, F_GETOWN) == getpid());
    put("d/f", "x");
    CHECK(unlink("d/f") == 0);
    show("nothing known");
    close(file), close(path), close(p[0]), close(p[1]), close(fd);
}

/* Once, and more than once. */
static void shots(void)
{
    int fd = directory("d", SIGNAL, DN_CREATE);
    put("d/1", "");
    put("d/2", "");
    show("one shot");
    CHECK(fcntl(fd, F_NOTIFY, DN_CREATE) == 0 && fcntl(fd, F_NOTIFY, DN_DELETE) == 0);
    CHECK(unlink("d/1") == 0 && unlink("d/2") == 0);
    put("d/1", "");
    show("two calls, one shot");
    CHECK(fcntl(fd, F_NOTIFY, DN_CREATE | DN_MULTISHOT) == 0);
    CHECK(fcntl(fd, F_NOTIFY, DN_DELETE) == 0);
    put("d/2", "");
    CHECK(unlink("d/1") == 0 && unlink("d/2") == 0);
    show("two calls, many shots");
    CHECK(fcntl(fd, F_NOTIFY, DN_MULTISHOT) == 0);
    put("d/1", "");
    CHECK(unlink("d/1") == 0);
    show("removed");
    CHECK(fcntl(fd, F_SETSIG, 0) == 0 && fcntl(fd, F_NOTIFY, DN_CREATE) == 0);
    put("d/1", "");
    show("SIGIO that tells nothing");
    CHECK(fcntl(fd, F_SETSIG, SIGIO) == 0 && fcntl(fd, F_NOTIFY, DN_DELETE) == 0);
    CHECK(unlink("d/1") == 0);
    show("SIGIO that tells all");
    CHECK(last.si_fd == fd);
    close(fd);
}

/* Files of one directory, and descriptors of one file. */
static void files(void)
{
    int a = directory("d", SIGNAL, DN_CREATE | DN_MULTISHOT);
    int b = directory("d", SIGNAL, DN_CREATE | DN_MULTISHOT), other = dup(a);
    put("d/1", "");
    show("two files");
    CHECK(last.si_fd == a || last.si_fd == b);
    CHECK(fcntl(other, F_NOTIFY, DN_DELETE) == 0 && close(b) == 0);
    CHECK(unlink("d/1") == 0);
    show("by the other descriptor");
    CHECK(last.si_fd == other);
    close(other); /* any close of it ends that */
    put("d/1", "");
    show("one of two is closed");
    CHECK(fcntl(a, F_NOTIFY, DN_DELETE | DN_MULTISHOT) == 0);
    CHECK(dup2(a, 77) == 77 && dup2(0, 77) == 77 && close(77) == 0);
    CHECK(unlink("d/1") == 0);
    show("one was replaced");
    CHECK(fcntl(a, F_NOTIFY, DN_CREATE | DN_MULTISHOT) == 0);
    CHECK(rmdir("d") == 0);
    CHECK_ERROR(open("d/1", O_CREAT, 0644), ENOENT);
    show("it is gone");
    close(a);
    CHECK(mkdir("d", 0755) == 0);
}

static int closes_all(void *arg)
{
    const int *fd = arg;
    CHECK(fcntl(*fd, F_NOTIFY, DN_DELETE | DN_MULTISHOT) == 0); /* the owner is the parent */
    CHECK(unlink("d/1") == 0);
    return 0;
}

static int creates(void *arg)
{
    (void)arg;
    put("d/1", "");
    return 0;
}

/* What is asked for belongs to a process's descriptors, and the owner to the file. */
static void processes(void)
{
    int fd = directory("d", SIGNAL, DN_CREATE | DN_MULTISHOT);
    CHECK_EXIT(run(creates, NULL), 0);
    show("a child's doing");
    CHECK_EXIT(run(closes_all, &fd), 0);
    show("a child's wish");
    put("d/1", "");
    show("still");
    CHECK(unlink("d/1") == 0);
    show("the child's wish is over");
    CHECK(fcntl(fd, F_SETOWN, 0) == 0);
    put("d/1", "");
    show("nobody's");
    CHECK(fcntl(fd, F_SETOWN, -getpgrp()) == 0 && unlink("d/1") == 0);
    put("d/1", "");
    show("the group's");
    close(fd);
    CHECK(unlink("d/1") == 0);
}

/* The thread is told that is its owner, before its call ends if it caused it. */
static void *asks(void *arg)
{
    struct f_owner_ex ex = {F_OWNER_TID, gettid()};
    (void)arg;
    int fd = directory("d", SIGNAL, DN_CREATE);
    is_here = 1;
    CHECK(fcntl(fd, F_SETOWN_EX, &ex) == 0);
    put("d/1", "");
    CHECK(told == 1 && told_here == 1);
    show("own thread");
    CHECK(unlink("d/1") == 0);
    ex.pid = getpid();
    CHECK(fcntl(fd, F_SETOWN_EX, &ex) == 0 && fcntl(fd, F_NOTIFY, DN_CREATE) == 0);
    put("d/1", "");
    SOON(told == 1);
    CHECK(told_here == 0);
    show("first thread");
    CHECK(unlink("d/1") == 0);
    close(fd);
    return NULL;
}

static void threads(void)
{
    pthread_t t;
    CHECK(pthread_create(&t, NULL, asks, NULL) == 0 && pthread_join(t, NULL) == 0);
}

/* What may not be queued becomes a SIGIO. */
static void overflow(const char *what)
{
    sigset_t set;
    siginfo_t info;
    const struct timespec none = {0, 0};
    int whole = 0, plain = 0, fd = directory("d", SIGNAL, DN_CREATE | DN_DELETE | DN_MULTISHOT);
    sigemptyset(&set);
    sigaddset(&set, SIGNAL);
    sigaddset(&set, SIGIO);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < 20; i++) {
        put("d/1", "");
        CHECK(unlink("d/1") == 0);
    }
    while (sigtimedwait(&set, &info, &none) > 0) {
        whole += info.si_signo == SIGNAL && info.si_code == POLL_MSG && info.si_fd == fd;
        plain += info.si_signo == SIGIO && info.si_code == SI_KERNEL;
    }
    printf("%s: %d, and SIGIO: %d\n", what, whole, plain);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    close(fd);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    static const unsigned each[] = {DN_ACCESS, DN_MODIFY, DN_CREATE, DN_DELETE,
                                    DN_RENAME, DN_ATTRIB, ALL};
    sigaction(SIGNAL, &action, NULL);
    sigaction(SIGIO, &action, NULL);
    CHECK(getpgrp() == getpid() ||
          setpgid(0, 0) == 0); /* nobody else is in the group that is told */
    CHECK(mkdir("d", 0755) == 0 && mkdir("e", 0755) == 0);
    arguments();
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++)
        happen(each[i]);
    shots();
    files();
    processes();
    threads();
    overflow("queued");
    CHECK(setrlimit(RLIMIT_SIGPENDING, &(struct rlimit){0, 0}) == 0);
    overflow("none may be queued");
    CHECK(rmdir("e") == 0 && rmdir("d") == 0 && unlink("f") == 0);
    return guest_result();
}
