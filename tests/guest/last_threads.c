/* SPDX-License-Identifier: MIT */
/*
 * last_threads together|leader: the ends of a process's threads.
 *
 *   together  the last two end at the same moment: the process ends, with the last one's code
 *   leader    the first has ended, and the process still takes its signals
 */

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>

#include "guest.h"

static atomic_int ready, go;

static void *end(void *arg)
{
    (void)arg;
    ready = 1;
    while (!go)
        ;
    syscall(SYS_exit, 0);
    return NULL;
}

static void take(int sig)
{
    (void)sig;
    if (write(1, "taken\n", 6) == 6)
        _exit(9);
}

static void *outlive(void *arg)
{
    (void)arg;
    usleep(100000); /* the first thread has ended by now */
    if (kill(getpid(), SIGTERM) < 0)
        printf("no such process\n");
    while (pause() < 0)
        ;
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc > 1 && !strcmp(argv[1], "leader")) {
        signal(SIGTERM, take);
        pthread_create(&thread, NULL, outlive, NULL);
        pthread_exit(NULL);
    }
    pthread_create(&thread, NULL, end, NULL);
    while (!ready)
        ;
    go = 1;
    for (volatile int i = 0; i < 600; i++)
        ;
    syscall(SYS_exit, 0);
    return 1;
}
