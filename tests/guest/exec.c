/* SPDX-License-Identifier: MIT */
/*
 * execve(2), execveat(2), fexecve(3): arguments, scripts, errors, and what a new program keeps.
 *
 * The program executes itself: with a first argument it is the new program, and says what it finds.
 */

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "guest_process.h"

extern char **environ;

static const char *self; /* a path of this program */

/* ---- the new program ---- */

static int show_arguments(int argc, char **argv)
{
    printf("%d arguments:", argc);
    for (int i = 0; i < argc; i++)
        printf(" [%s]", argv[i]);
    printf(" environment:");
    for (char **e = environ; *e; e++)
        printf(" [%s]", *e);
    printf("\n");
    return 21;
}

static int show_signals(void)
{
    struct sigaction action;
    sigaction(SIGUSR1, NULL, &action);
    printf("handled: %s", action.sa_handler == SIG_DFL ? "default" : "kept");
    sigaction(SIGUSR2, NULL, &action);
    printf(", ignored: %s", action.sa_handler == SIG_IGN ? "ignored" : "reset");
    printf(", flags %#x", (unsigned)action.sa_flags & ~0x04000000u);
    sigaction(SIGCHLD, NULL, &action);
    printf(", child: %s", action.sa_handler == SIG_IGN ? "ignored" : "reset");
    sigset_t set;
    sigprocmask(SIG_BLOCK, NULL, &set);
    printf(", blocked:");
    for (int i = 1; i < 65; i++)
        if (sigismember(&set, i) == 1)
            printf(" %d", i);
    sigpending(&set);
    printf(", pending:");
    for (int i = 1; i < 65; i++)
        if (sigismember(&set, i) == 1)
            printf(" %d", i);
    stack_t stack;
    sigaltstack(NULL, &stack);
    printf(", stack: %s\n", stack.ss_flags & SS_DISABLE ? "none" : "kept");
    return 22;
}

static int show_descriptors(void)
{
    printf("open:");
    for (int i = 0; i < 20; i++)
        if (fcntl(i, F_GETFD) >= 0)
            printf(" %d", i);
    printf("\n");
    return 23;
}

static int show_rest(char **argv)
{
    char name[17] = "";
    struct rlimit limit;
    prctl(PR_GET_NAME, name);
    getrlimit(RLIMIT_NOFILE, &limit);
    char folder[4096];
    printf("name %s, pid %s, parent %s, umask %03o, limit %d, folder %s, alarm %s, group %s", name,
           atoi(argv[2]) == getpid() ? "kept" : "new", atoi(argv[3]) == getppid() ? "kept" : "new",
           umask(0), (int)limit.rlim_cur,
           getcwd(folder, sizeof folder) && !strcmp(strrchr(folder, '/'), "/sub") ? "kept" : "new",
           alarm(0) > 900 ? "kept" : "gone", getpgrp() == getpid() ? "kept" : "new");
    printf(", nice %d, no new privileges %d\n", getpriority(PRIO_PROCESS, 0),
           prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    return 24;
}

/* Wait for SIGALRM that the old program asked for. */
static int await_alarm(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    int number;
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigwait(&set, &number);
    return number == SIGALRM && getpid() == gettid() ? 25 : 1;
}

/* ---- the old one ---- */

struct command {
    const char *path;
    char **argv, **envp;
};

static int exec_it(void *arg)
{
    const struct command *c = arg;
    execve(c->path, c->argv, c->envp);
    return errno;
}

static char *environment[] = {"A=1", "B=two words", NULL};

static int exec_self(const char *mode)
{
    struct command c = {self, (char *[]){"name", (char *)(uintptr_t)mode, NULL}, environment};
    return run(exec_it, &c);
}

static void make_file(const char *path, const char *content, size_t size, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && write(fd, content, size) == (ssize_t)size);
    CHECK(fchmod(fd, mode) == 0 && close(fd) == 0);
}

static void copy_self(const char *path)
{
    char buffer[65536];
    ssize_t n;
    int from = open(self, O_RDONLY), to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    CHECK(from >= 0 && to >= 0);
    while ((n = read(from, buffer, sizeof buffer)) > 0)
        CHECK(write(to, buffer, (size_t)n) == n);
    close(from);
    close(to);
}

static void arguments(void)
{
    char *none[] = {NULL};
    struct command rows[] = {
        {self, (char *[]){"zero", "show", "", "two words", NULL}, environment},
        {self, (char *[]){"zero", "show", NULL}, none},
        {self, (char *[]){"zero", "show", NULL}, NULL}, /* NULL is empty; a warning in Linux' log */
        {self, (char *[]){"", "show", "\xff\xfe", NULL}, (char *[]){"no equals", "=", "", NULL}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK_EXIT(run(exec_it, &rows[i]), 21);
    /* No arguments at all make one empty string, Linux 5.18. */
    struct command empty = {self, none, (char *[]){"EMPTY=1", NULL}};
    CHECK_EXIT(run(exec_it, &empty), 21);
    empty.argv = NULL;
    CHECK_EXIT(run(exec_it, &empty), 21);

    /* Long ones: MAX_ARG_STRLEN, 32 pages with the end, is the most for one. */
    char *big = malloc(131073);
    memset(big, 'x', 131072);
    big[131072] = 0;
    struct command row = {self, (char *[]){"zero", "length", big, NULL}, environment};
    CHECK_EXIT(run(exec_it, &row), E2BIG);
    big[131071] = 0;
    CHECK_EXIT(run(exec_it, &row), 26);
    row = (struct command){self, (char *[]){"zero", "length", NULL}, (char *[]){big, NULL}};
    CHECK_EXIT(run(exec_it, &row), 27);
    char *many[101];
    for (int i = 0; i < 100; i++)
        many[i] = big;
    many[100] = NULL;
    row.envp = many; /* 13 MB: over a quarter of the stack */
    CHECK_EXIT(run(exec_it, &row), E2BIG);
    free(big);
}

static void scripts(void)
{
    char line[4400];
    int n = snprintf(line, sizeof line, "#!%s show\nrest", self);
    make_file("script", line, (size_t)n, 0755);
    struct command c = {"./script", (char *[]){"lost", "one", "two", NULL}, environment};
    CHECK_EXIT(run(exec_it, &c), 21);
    n = snprintf(line, sizeof line, "#! \t %s \t show  two words  \t\n", self);
    make_file("script", line, (size_t)n, 0755);
    CHECK_EXIT(run(exec_it, &c), 21); /* blanks inside stay, one argument */
    n = snprintf(line, sizeof line, "#!./script\n");
    make_file("script2", line, (size_t)n, 0755);
    c.path = "./script2";
    CHECK_EXIT(run(exec_it, &c), 21); /* a script for a script */
    c.argv = (char *[]){NULL};
    CHECK_EXIT(run(exec_it, &c), 21);
    make_file("script", "#!./script2\n", 12, 0755);
    CHECK_EXIT(run(exec_it, &c), ELOOP);

    static const struct {
        const char *text;
        int error;
    } rows[] = {
        {"#!/no/such/interpreter\n", ENOENT},
        {"#!\n", ENOEXEC},
        {"#! \t\n", ENOEXEC},
        {"#!/\n", EACCES},
        {"#!./plain\n", EACCES},
        {"echo no line\n", ENOEXEC},
        {"", ENOEXEC},
        {"\177ELF", ENOEXEC},
        {"#", ENOEXEC},
        {"#!./garbage\n", ENOEXEC},
        {"#!./plain/x\n", ENOTDIR},
    };
    make_file("plain", "x", 1, 0644);
    make_file("garbage", "x", 1, 0755);
    c.path = "./bad";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make_file("bad", rows[i].text, strlen(rows[i].text), 0755);
        int status = run(exec_it, &c);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != rows[i].error)
            printf("%s", rows[i].text);
        CHECK_EXIT(status, rows[i].error);
    }
}

static void errors(void)
{
    char long_name[300], *argv[] = {"zero", "show", NULL};
    memset(long_name, 'n', sizeof long_name);
    long_name[299] = 0;
    CHECK(mkdir("folder", 0755) == 0);
    CHECK(symlink("loop", "loop") == 0 && symlink("nowhere", "dangling") == 0);
    const struct {
        const char *path;
        int error;
    } rows[] = {
        {"./no-such-file", ENOENT}, {"", ENOENT},           {"./plain", EACCES},
        {"./folder", EACCES},       {"./plain/x", ENOTDIR}, {"./loop", ELOOP},
        {"./dangling", ENOENT},     {"./folder/", EACCES},  {"/", EACCES},
        {long_name, ENAMETOOLONG},  {(char *)8, EFAULT},    {NULL, EFAULT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK_ERROR(execve(rows[i].path, argv, environment), rows[i].error);
    CHECK_ERROR(execve(self, (char **)8, environment), EFAULT);
    CHECK_ERROR(execve(self, argv, (char **)8), EFAULT);
    CHECK_ERROR(execve(self, (char *[]){(char *)8, NULL}, environment), EFAULT);
    CHECK_ERROR(execve("./no-such-file", (char **)8, environment), ENOENT);
    copy_self("busy");
    int fd = open("busy", O_WRONLY);
    struct command busy = {"./busy", argv, environment};
    CHECK_EXIT(run(exec_it, &busy), ETXTBSY);
    close(fd);

    /* Damaged: what the loader refuses before it gives up the old program. */
    make_file("damaged", "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\x3e\0\1\0\0\0", 24, 0755);
    CHECK_ERROR(execve("./damaged", argv, environment), ENOEXEC);
    CHECK(truncate("busy", 64) == 0);
    CHECK_ERROR(execve("./busy", argv, environment), ENOEXEC); /* no program headers */
    unlink("busy");

    CHECK_ERROR((int)syscall(SYS_execveat, -1, "plain", argv, environment, 0), EBADF);
    CHECK_ERROR((int)syscall(SYS_execveat, AT_FDCWD, "", argv, environment, 0), ENOENT);
    CHECK_ERROR((int)syscall(SYS_execveat, AT_FDCWD, self, argv, environment, 0x10), EINVAL);
    CHECK_ERROR((int)syscall(SYS_execveat, -1, "", argv, environment, AT_EMPTY_PATH), EBADF);
    CHECK_ERROR((int)syscall(SYS_execveat, 0, "plain", argv, environment, 0), ENOTDIR);
}

/* ---- execveat ---- */

struct at {
    int fd;
    const char *path;
    int flags;
};

static int exec_at(void *arg)
{
    const struct at *at = arg;
    char *argv[] = {"at", "show", NULL};
    syscall(SYS_execveat, at->fd, at->path, argv, environment, at->flags);
    return errno;
}

static int exec_by_descriptor(void *arg)
{
    char *argv[] = {"by descriptor", "show", NULL};
    fexecve(*(int *)arg, argv, environment);
    return errno;
}

static void execveats(void)
{
    copy_self("folder/program");
    CHECK(symlink("program", "folder/link") == 0);
    int folder = open("folder", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int path = open("folder/program", O_PATH | O_CLOEXEC), file = open("folder/program", O_RDONLY);
    const struct {
        struct at at;
        int code;
    } rows[] = {
        {{folder, "program", 0}, 21},
        {{folder, "link", 0}, 21},
        {{folder, "link", AT_SYMLINK_NOFOLLOW}, ELOOP},
        {{folder, "program", AT_SYMLINK_NOFOLLOW}, 21},
        {{AT_FDCWD, "folder/program", 0}, 21},
        {{path, "", AT_EMPTY_PATH}, 21},
        {{file, "", AT_EMPTY_PATH}, 21},
        {{folder, "", AT_EMPTY_PATH}, EACCES},
        {{path, "", 0}, ENOENT},
        {{-1, "/", 0}, EACCES}, /* absolute: the descriptor does not matter */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK_EXIT(run(exec_at, (void *)(uintptr_t)&rows[i].at), rows[i].code);
    CHECK_EXIT(run(exec_by_descriptor, &path), 21);
    CHECK_EXIT(run(exec_by_descriptor, &file), 21);
    close(file);
    /* The interpreter could not open a script that is closed on exec. */
    int script = open("script3", O_RDWR | O_CREAT | O_CLOEXEC, 0755);
    CHECK(write(script, "#!/bin/sh\n", 10) == 10);
    close(script);
    script = open("script3", O_RDONLY | O_CLOEXEC);
    CHECK_EXIT(run(exec_by_descriptor, &script), ENOENT);
    close(script);
    /* Unlinked, it runs still. */
    CHECK(unlink("folder/program") == 0 && unlink("folder/link") == 0);
    CHECK_EXIT(run(exec_by_descriptor, &path), 21);
    close(path);
    close(folder);
    path = (int)syscall(SYS_memfd_create, "program", 1u /* MFD_CLOEXEC */);
    if (path >= 0) {
        char buffer[65536];
        ssize_t n;
        int from = open(self, O_RDONLY);
        while ((n = read(from, buffer, sizeof buffer)) > 0)
            CHECK(write(path, buffer, (size_t)n) == n);
        close(from);
        CHECK_EXIT(run(exec_by_descriptor, &path), 21);
        close(path);
    }
}

/* ---- what is kept ---- */

static void ignore_it(int number)
{
    (void)number;
}

static int with_signals(void *arg)
{
    signal(SIGUSR1, ignore_it);
    signal(SIGUSR2, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
    sigaltstack(&stack, NULL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, 40);
    sigprocmask(SIG_SETMASK, &set, NULL);
    kill(getpid(), SIGTERM);
    pthread_kill(pthread_self(), 40);
    raise(SIGUSR1);
    return exec_it(arg);
}

static int with_descriptors(void *arg)
{
    int fds[2];
    for (int i = 3; i < 20; i++)
        close(i);
    CHECK(pipe2(fds, O_CLOEXEC) == 0 && open("/", O_RDONLY) == 5);
    CHECK(fcntl(4, F_SETFD, 0) == 0 && fcntl(5, F_DUPFD_CLOEXEC, 9) == 9);
    CHECK(dup2(9, 10) == 10 && dup3(10, 11, O_CLOEXEC) == 11);
    return exec_it(arg);
}

static int with_the_rest(void *arg)
{
    const struct command *c = arg;
    char pid[16], parent[16];
    CHECK(mkdir("sub", 0700) == 0 && chdir("sub") == 0);
    umask(026);
    setpgid(0, 0);
    prctl(PR_SET_NAME, "other");
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(setpriority(PRIO_PROCESS, 0, 5) == 0);
    alarm(1000);
    struct rlimit limit = {77, 88};
    setrlimit(RLIMIT_NOFILE, &limit);
    snprintf(pid, sizeof pid, "%d", getpid());
    snprintf(parent, sizeof parent, "%d", getppid());
    struct command with = {c->path, (char *[]){"x", "rest", pid, parent, NULL}, environment};
    return exec_it(&with);
}

static void *exec_in_thread(void *arg)
{
    exec_it(arg);
    return NULL;
}

static void *block(void *arg)
{
    for (;;)
        pause();
    return arg;
}

static void *spin(void *arg)
{
    for (volatile long i = 0;; i++)
        if (i % 1000 == 0)
            sched_yield();
    return arg;
}

/* The thread that executes becomes the leader, the others end. */
static int from_thread(void *arg)
{
    pthread_t thread;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&thread, NULL, i ? block : spin, NULL) == 0);
    struct itimerval soon = {{0, 0}, {0, 200000}};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    CHECK(pthread_create(&thread, NULL, exec_in_thread, arg) == 0);
    for (;;)
        pause();
    return 0;
}

static void kept(void)
{
    struct command c = {self, (char *[]){"zero", "signals", NULL}, environment};
    CHECK_EXIT(run(with_signals, &c), 22);
    c.argv = (char *[]){"zero", "descriptors", NULL};
    CHECK_EXIT(run(with_descriptors, &c), 23);
    copy_self("a-name-of-22-characters");
    char folder[4096], path[4200];
    CHECK(getcwd(folder, sizeof folder));
    snprintf(path, sizeof path, "%s/a-name-of-22-characters", folder);
    c.path = path;
    CHECK_EXIT(run(with_the_rest, &c), 24);
    c = (struct command){self, (char *[]){"zero", "alarm", NULL}, environment};
    for (int i = 0; i < 3; i++)
        CHECK_EXIT(run(from_thread, &c), 25);
    int status = exec_self("descriptors");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 23);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : argc == 1 && !argv[0][0] ? "show" : NULL;
    if (mode && !strncmp(mode, "show", 4))
        return show_arguments(argc, argv);
    if (mode && !strcmp(mode, "length"))
        return argc > 2                       ? (strlen(argv[2]) == 131071 ? 26 : 1)
               : strlen(environ[0]) == 131071 ? 27
                                              : 1;
    if (mode && !strcmp(mode, "signals"))
        return show_signals();
    if (mode && !strcmp(mode, "descriptors"))
        return show_descriptors();
    if (mode && !strcmp(mode, "rest"))
        return show_rest(argv);
    if (mode && !strcmp(mode, "alarm"))
        return await_alarm();

    for (int i = 3; i < 20; i++)
        close(i); /* whatever this was started with */
    self = argv[0];
    /* Its path, which differs, does not go into the output. */
    copy_self("self");
    self = "./self";
    arguments();
    scripts();
    errors();
    execveats();
    kept();
    return guest_result();
}
