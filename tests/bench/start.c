/* SPDX-License-Identifier: MIT */
/*
 * From fork to the end of a program: commands in turn, the best and the median of many rounds.
 *
 *   start ROUNDS NAME COMMAND ARGUMENT... -- NAME COMMAND... -- ...
 *
 * vfork as posix_spawn(3) has it, so that the size of this program does not count.
 */

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define JOBS_MAX 16
#define ROUNDS_MAX 10000

extern char **environ;

static struct job {
    const char *name;
    char **argv;
    double us[ROUNDS_MAX];
} jobs[JOBS_MAX];

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double run(char **argv, const posix_spawn_file_actions_t *streams)
{
    pid_t pid;
    int status;
    double begin = now_us();
    if (posix_spawnp(&pid, argv[0], streams, NULL, argv, environ) != 0 ||
        waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "start: %s failed\n", argv[0]);
        exit(1);
    }
    return now_us() - begin;
}

static int compare(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;
    return one < other ? -1 : one > other;
}

int main(int argc, char **argv)
{
    int rounds = argc > 3 ? atoi(argv[1]) : 0, count = 0;
    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fputs("usage: start ROUNDS NAME COMMAND... [-- NAME COMMAND...]...\n", stderr);
        return 2;
    }
    for (int i = 2; i < argc && count < JOBS_MAX; i++) {
        jobs[count].name = argv[i];
        jobs[count++].argv = &argv[i + 1];
        while (i < argc && strcmp(argv[i], "--") != 0)
            i++;
        argv[i] = NULL; /* of the last one: argv[argc], which is NULL */
    }
    posix_spawn_file_actions_t streams;
    posix_spawn_file_actions_init(&streams);
    posix_spawn_file_actions_addopen(&streams, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&streams, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&streams, 2, "/dev/null", O_WRONLY, 0);
    for (int n = -1; n < rounds; n++) {
        for (int i = 0; i < count; i++) {
            double us = run(jobs[i].argv, &streams);
            if (n >= 0)
                jobs[i].us[n] = us;
        }
    }
    for (int i = 0; i < count; i++) {
        qsort(jobs[i].us, (size_t)rounds, sizeof jobs[i].us[0], compare);
        printf("%-24s best %9.0f us, median %9.0f us, %5.2f times the first\n", jobs[i].name,
               jobs[i].us[0], jobs[i].us[rounds / 2], jobs[i].us[0] / jobs[0].us[0]);
    }
    return 0;
}
