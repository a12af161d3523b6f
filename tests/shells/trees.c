/* SPDX-License-Identifier: MIT */
/*
 * trees COUNT [SEED]: run so many random trees of shell processes, four at a time, some of which
 * are killed or signalled while they run.  Every exit status is known beforehand and checked, and
 * that nothing of a tree lives when it should have ended.
 *
 * A tree is a script made of a seed; `trees -p SEED` prints that of one and what it should answer.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_ONCE 4

/* How the driver treats a tree. */
enum way { LEFT_ALONE, KILLED, SIGNALLED };

struct tree {
    uint64_t seed, random;
    enum way way;
    int signal;   /* KILLED: what its group is sent */
    int lines;    /* after so many lines of output */
    int status;   /* what wait(2) will say */
    int output;   /* read end; the write end is held by every process of the tree */
    pid_t leader; /* 0: none runs */
    int used;
    char script[16384];
};

static int failures;

/* xorshift64*, Vigna 2016 */
static unsigned below(struct tree *t, unsigned limit)
{
    t->random ^= t->random >> 12;
    t->random ^= t->random << 25;
    t->random ^= t->random >> 27;
    return (unsigned)(t->random * 0x2545f4914f6cdd1dull >> 33) % limit;
}

__attribute__((format(printf, 2, 3))) static void add(struct tree *t, const char *format, ...)
{
    __builtin_va_list list;
    __builtin_va_start(list, format);
    size_t room = sizeof t->script - (size_t)t->used;
    int n = vsnprintf(t->script + t->used, room, format, list);
    __builtin_va_end(list);
    if (n < 0 || (size_t)n >= room)
        abort();
    t->used += n;
}

/* Signals that end a program, as a shell names and counts them. */
static int deadly(struct tree *t)
{
    static const int numbers[] = {SIGKILL, SIGTERM, SIGHUP, SIGUSR2, SIGALRM};
    return numbers[below(t, sizeof numbers / sizeof *numbers)];
}

/* Commands that end the (sub)shell they stand in; returns its exit code, never 138. */
static int node(struct tree *t, int depth)
{
    int a, b, number;
    switch (below(t, depth > 0 ? 12 : 5)) {
    case 0:
        a = (int)below(t, 128);
        add(t, "exit %d", a);
        return a;
    case 1: /* a program that is killed by itself */
        number = deadly(t);
        add(t, "sh -c 'kill -%d $$; exit 1'; exit $?", number);
        return 128 + number;
    case 2: /* one that is killed by us, perhaps stopped before */
        number = deadly(t);
        add(t, "sleep 1000 & p=$!; ");
        if (below(t, 2))
            add(t, "kill -STOP $p; kill -0 $p; kill -CONT $p; ");
        add(t, "kill -%d $p; wait $p; exit $?", number);
        return 128 + number;
    case 3:
        a = (int)below(t, 100);
        add(t, "sh -c 'trap \"exit %d\" TERM; kill -TERM $$; exit 1'; exit $?", a);
        return a;
    case 4:
        a = (int)below(t, 100);
        add(t, "exec sh -c 'exit %d'", a);
        return a;
    case 5: /* one after the other */
    case 6:
        add(t, "( ");
        a = node(t, depth - 1);
        add(t, " ); a=$?; ( ");
        b = node(t, depth - 1);
        add(t, " ); exit $(((a + $?) %% 128))");
        return (a + b) % 128;
    case 7: /* at the same time */
    case 8:
        add(t, "( ");
        a = node(t, depth - 1);
        add(t, " ) & a=$!; ( ");
        b = node(t, depth - 1);
        add(t, " ) & b=$!; wait $b; b=$?; wait $a; exit $((($? * 3 + b) %% 128))");
        return (a * 3 + b) % 128;
    case 9: /* a pipeline: the last counts */
        add(t, "( ");
        node(t, depth - 1);
        add(t, " ) | cat | ( cat >/dev/null; ");
        a = node(t, depth - 1);
        add(t, " ); exit $?");
        return a;
    case 10: /* a substitution */
        add(t, "x=$( ( ");
        a = node(t, depth - 1);
        add(t, " ) >/dev/null; echo $?); exit $x");
        return a;
    default: /* a lost child: it ends by itself, and falls to the driver */
        a = (int)below(t, 128);
        add(t, "( ( ");
        node(t, depth - 1);
        add(t, " ) & exit %d )", a);
        add(t, "; exit $?");
        return a;
    }
}

static void grow(struct tree *t, uint64_t seed)
{
    memset(t, 0, sizeof *t);
    t->seed = seed;
    t->random = seed * 0x9e3779b97f4a7c15ull + 1;
    unsigned way = below(t, 10);
    if (way < 2) { /* forks until it is killed */
        t->way = KILLED;
        t->signal = below(t, 2) ? SIGKILL : deadly(t);
        t->lines = 1 + (int)below(t, 4);
        add(t, "while :; do echo x | cat; ( ");
        node(t, 1);
        add(t, " ); done");
        t->status = t->signal;
    } else if (way < 4) { /* is told things while it waits */
        t->way = SIGNALLED;
        t->lines = 1;
        add(t, "n=0; trap 'n=$((n + 1))' USR1; ( ");
        int code = node(t, 2);
        add(t, " ) & p=$!; echo ready; while wait $p; r=$?; [ $r = 138 ]; do :; done; exit $r");
        t->status = code << 8;
    } else {
        int code = node(t, 3);
        t->status = code << 8;
    }
}

static void plant(struct tree *t)
{
    int fds[2];
    if (pipe(fds) < 0) {
        perror("pipe");
        exit(1);
    }
    t->leader = fork();
    if (t->leader == 0) {
        setpgid(0, 0);
        dup2(fds[1], 1);
        close(fds[0]);
        close(fds[1]);
        execl("/bin/sh", "sh", "-c", t->script, (char *)NULL);
        _exit(127);
    }
    if (t->leader < 0) {
        perror("fork");
        exit(1);
    }
    setpgid(t->leader, t->leader);
    close(fds[1]);
    t->output = fds[0];
}

/* Wait for the lines that are due, do what is to be done, and see how it ends. */
static void harvest(struct tree *t)
{
    char c;
    ssize_t n;
    int lines = 0;
    while (lines < t->lines && (n = read(t->output, &c, 1)) != 0)
        if (n < 0 && errno != EINTR)
            break;
        else
            lines += n == 1 && c == '\n';
    if (t->way == KILLED)
        kill(-t->leader, t->signal);
    int status = -1;
    pid_t got;
    do {
        if (t->way == SIGNALLED) {
            kill(t->leader, SIGUSR1);
            usleep(2000); /* as often as it likes; right whenever it comes */
        }
        got = waitpid(t->leader, &status, t->way == SIGNALLED ? WNOHANG : 0);
    } while (got == 0);
    /*
     * The end of its output is the end of all its processes, but of those that were left behind.  One
     * that was stopped when its group was killed ends when it goes on, and who would have continued it
     * is gone.
     */
    struct pollfd output = {.fd = t->output, .events = POLLIN};
    while (t->way == KILLED && poll(&output, 1, 100) == 0)
        kill(-t->leader, SIGCONT);
    while ((n = read(t->output, &c, 1)) != 0) {
        if (n < 0 && errno != EINTR)
            break;
        while (t->way == KILLED && poll(&output, 1, 100) == 0)
            kill(-t->leader, SIGCONT);
    }
    close(t->output);
    if (got != t->leader || (status & 0x7f) != (t->status & 0x7f) ||
        (!WIFSIGNALED(status) && status != t->status)) {
        failures++;
        printf("seed %llu: status %#x, not %#x: %s\n", (unsigned long long)t->seed,
               (unsigned)status, (unsigned)t->status, t->script);
    }
    /* Those fell to us, and end by themselves, or when they go on. */
    while ((got = waitpid(-t->leader, NULL, t->way == KILLED ? WNOHANG : 0)) >= 0 ||
           errno == EINTR) {
        if (got == 0) {
            kill(-t->leader, SIGCONT);
            usleep(1000);
        }
    }
    t->leader = 0;
}

int main(int argc, char **argv)
{
    static struct tree trees[AT_ONCE];
    if (argc == 3 && !strcmp(argv[1], "-p")) {
        grow(trees, strtoull(argv[2], NULL, 10));
        printf("%s\nstatus %#x, way %d\n", trees->script, (unsigned)trees->status, trees->way);
        return 0;
    }
    unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 50;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    int null = open("/dev/null", O_RDWR);
    if (null >= 0)
        dup2(null, 2); /* shells tell of killed children there */
    for (unsigned long i = 0; i < count + AT_ONCE; i++) {
        struct tree *t = &trees[i % AT_ONCE];
        if (t->leader != 0)
            harvest(t);
        if (i < count) {
            grow(t, seed + i);
            plant(t);
        }
        fflush(stdout);
    }
    if (wait(NULL) != -1 || errno != ECHILD) {
        failures++;
        printf("a child is left\n");
    }
    printf("%lu trees, %d failures\n", count, failures);
    return failures != 0;
}
