/* SPDX-License-Identifier: MIT */
/* Pseudo-terminals in a hurry: ends that come and go, readers that are killed, many at once. */

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "tty.h"

/* Masters are closed under writers and readers of the other end. */
static void *use(void *arg)
{
    int fd = *(int *)arg;
    char bytes[4096] = {0};
    while (write(fd, bytes, sizeof bytes) > 0 && read(fd, bytes, sizeof bytes) > 0)
        ;
    return NULL;
}

static void closed_in_use(void)
{
    for (int i = 0; i < guest_count(40, 400); i++) {
        struct pair p = tty_pair(0);
        pthread_t threads[4];
        char bytes[100];
        tty_raw(p.slave, 1, i % 2);
        for (int j = 0; j < 4; j++)
            CHECK(pthread_create(&threads[j], NULL, use, &p.slave) == 0);
        CHECK(write(p.master, bytes, sizeof bytes) == sizeof bytes);
        CHECK(read(p.master, bytes, sizeof bytes) > 0);
        close(p.master);
        for (int j = 0; j < 4; j++)
            pthread_join(threads[j], NULL);
        CHECK(read(p.slave, bytes, 1) == 0);
        close(p.slave);
    }
}

/* Whoever reads is killed, at any time; what comes then is another's. */
static void readers_are_killed(void)
{
    struct pair p = tty_pair(0);
    tty_raw(p.slave, 1, 0);
    for (int i = 0; i < guest_count(20, 200); i++) {
        char byte;
        int status;
        pid_t child = fork();
        if (child == 0) {
            while (read(p.slave, &byte, 1) == 1)
                ;
            _exit(0);
        }
        CHECK(tty_types(p.master, "abc"));
        usleep((useconds_t)(i * 37 % 5000));
        kill(child, SIGKILL);
        CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
        CHECK(tty_types(p.master, "z") && tty_ready(p.slave, POLLIN) == POLLIN);
        do
            CHECK(read(p.slave, &byte, 1) == 1);
        while (byte != 'z');
    }
    tty_close(p);
}

/* Each session ends with its leader, while others begin. */
static void session(void)
{
    setsid();
    struct pair p = tty_pair(0);
    if (ioctl(p.slave, TIOCSCTTY, 0) < 0)
        _exit(1);
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        signal(SIGTTOU, SIG_IGN);
        tcsetpgrp(p.slave, getpid());
        for (;;)
            pause();
    }
    close(p.slave);
    p.slave = open("/dev/tty", O_RDWR);
    int bad = p.slave < 0;
    while (tcgetpgrp(p.slave) == getpid())
        usleep(100);
    signal(SIGHUP, SIG_IGN);
    close(p.master); /* the child has one, too, until it is told of the leader's end */
    _exit(bad);
}

static void sessions(void)
{
    enum { COUNT = 8 };
    for (int i = 0; i < guest_count(4, 40); i++) {
        pid_t children[COUNT];
        int status;
        for (int j = 0; j < COUNT; j++) {
            children[j] = fork();
            if (children[j] == 0)
                session();
        }
        for (int j = 0; j < COUNT; j++)
            CHECK(waitpid(children[j], &status, 0) == children[j] && status == 0);
    }
}

/* Numbers that many take and give back at once are never two's. */
static void *take(void *arg)
{
    (void)arg;
    for (int i = 0; i < guest_count(100, 1000); i++) {
        struct pair p = tty_pair(O_NONBLOCK);
        char name[64];
        CHECK(ttyname_r(p.slave, name, sizeof name) == 0 && !strcmp(name, p.name));
        CHECK(tty_types(p.slave, "x") && tty_reads(p.master, "x"));
        tty_close(p);
    }
    return NULL;
}

static void many(void)
{
    pthread_t threads[6];
    struct pair pairs[100];
    for (int i = 0; i < 100; i++)
        pairs[i] = tty_pair(0);
    for (int i = 0; i < 6; i++)
        CHECK(pthread_create(&threads[i], NULL, take, NULL) == 0);
    for (int i = 0; i < 6; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 100; i++)
        tty_close(pairs[i]);
}

/* Modes change while bytes go both ways. */
static void *reconfigure(void *arg)
{
    const struct pair *p = arg;
    struct termios t;
    for (int i = 0; i < 500; i++) {
        tcgetattr(p->slave, &t);
        t.c_lflag ^= i % 3 ? ECHO : ICANON;
        tcsetattr(p->slave, i % 7 ? TCSANOW : TCSAFLUSH, &t);
    }
    return NULL;
}

static void reconfigured_in_use(void)
{
    struct pair p = tty_pair(O_NONBLOCK);
    pthread_t thread;
    char bytes[512];
    CHECK(pthread_create(&thread, NULL, reconfigure, &p) == 0);
    for (int i = 0; i < 2000; i++) {
        tty_types(p.master, "some words\nand more\b\b\t.");
        ssize_t n = read(i % 2 ? p.slave : p.master, bytes, sizeof bytes);
        CHECK(n >= 0 || errno == EAGAIN);
        n = write(p.slave, bytes, 64);
        CHECK(n > 0 || errno == EAGAIN);
    }
    pthread_join(thread, NULL);
    tty_close(p);
}

int main(void)
{
    closed_in_use();
    readers_are_killed();
    sessions();
    many();
    reconfigured_in_use();
    return guest_result();
}
