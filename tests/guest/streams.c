/* SPDX-License-Identifier: MIT */
/*
 * Standard streams that several processes share: input that one leaves to the next, in a file
 * at the place where it stopped, and output in the order in which it was written.  For streams.sh.
 */

#include "guest_process.h"

#define WRITERS 4
#define READERS 3
#define LINES 25

/* As a shell's `read`: not a byte more than the line. */
static int read_line(void *arg)
{
    char line[64];
    int n = snprintf(line, sizeof line, "%s: ", (const char *)arg);
    while (n < 63 && read(0, line + n, 1) == 1 && line[n++] != '\n')
        ;
    CHECK(write(1, line, (size_t)n) == n);
    return 0;
}

/* The bytes that it got, by their sum, through a pipe. */
static int read_rest(void *arg)
{
    const int *fds = arg;
    unsigned char bytes[7];
    uint32_t sum = 0;
    ssize_t n;
    while ((n = read(0, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            sum += bytes[i] + 1000u;
    }
    CHECK(n == 0 && write(fds[1], &sum, sizeof sum) == sizeof sum);
    return 0;
}

static int write_lines(void *arg)
{
    char line[16];
    for (int i = 0; i < LINES; i++) {
        int n = snprintf(line, sizeof line, "%d line %d\n", (int)(intptr_t)arg, i);
        CHECK(write(1 + i % 2, line, (size_t)n) == n);
    }
    return 0;
}

static int read_one(void *arg)
{
    char c;
    (void)arg;
    return read(0, &c, 1) == 1 ? 5 : 6;
}

/* Input comes for one of two: the other one waits on, and a signal ends it. */
static int wait_for_one(void)
{
    pid_t children[2] = {start(read_one, NULL), start(read_one, NULL)};
    int status = -1;
    pid_t done = wait(&status);
    CHECK_EXIT(status, 5);
    pid_t other = children[done == children[0]];
    CHECK(kill(other, SIGTERM) == 0);
    CHECK_KILLED(status_of(other), SIGTERM);
    return guest_result();
}

int main(int argc, char **argv)
{
    pid_t children[WRITERS];
    uint32_t sum = 0, part;
    int fds[2];
    if (argc > 1 && !strcmp(argv[1], "wait"))
        return wait_for_one();
    CHECK_EXIT(run(read_line, (char[]){"a"}), 0);
    CHECK_EXIT(run(read_line, (char[]){"b"}), 0);
    read_line((char[]){"c"});
    CHECK(pipe(fds) == 0);
    for (int i = 0; i < READERS; i++)
        children[i] = start(read_rest, fds);
    for (int i = 0; i < READERS; i++) {
        CHECK_EXIT(status_of(children[i]), 0);
        CHECK(read(fds[0], &part, sizeof part) == sizeof part);
        sum += part;
    }
    printf("the rest: %u\n", sum);
    fflush(stdout);
    for (int i = 0; i < WRITERS; i++)
        children[i] = start(write_lines, (void *)(intptr_t)i);
    for (int i = 0; i < WRITERS; i++)
        CHECK_EXIT(status_of(children[i]), 0);
    printf("the end\n");
    return guest_result();
}
