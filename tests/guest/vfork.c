/* SPDX-License-Identifier: MIT */
/*
 * vfork(2) and posix_spawn(3): a child that borrows its parent's memory.
 *
 * With a first argument the program is the one that was spawned.
 */

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "guest_process.h"

extern char **environ;
static char *self;

/* ---- the new program: its exit code is made of what it finds ---- */

static int spawned(int argc, char **argv)
{
    if (!strcmp(argv[1], "code"))
        return atoi(argv[2]);
    if (!strcmp(argv[1], "files")) {
        char text[16] = "", folder[4096];
        CHECK(read(0, text, 15) == 5 && !strcmp(text, "input"));
        CHECK(write(7, "seven", 5) == 5);
        CHECK(fcntl(8, F_GETFD) == -1 && fcntl(9, F_GETFD) == 0);
        CHECK(getcwd(folder, sizeof folder) && !strcmp(strrchr(folder, '/'), "/there"));
        CHECK(argc == 2 && !strcmp(getenv("ONLY"), "this") && !environ[1]);
        return guest_failures ? CHILD_FAILED : 31;
    }
    if (!strcmp(argv[1], "attributes")) {
        sigset_t set;
        struct sigaction action;
        sigprocmask(SIG_BLOCK, NULL, &set);
        CHECK(sigismember(&set, SIGUSR2) && !sigismember(&set, SIGUSR1));
        sigaction(SIGHUP, NULL, &action);
        CHECK(action.sa_handler == SIG_DFL);
        sigaction(SIGINT, NULL, &action);
        CHECK(action.sa_handler == SIG_IGN);
        CHECK(getpgrp() == getpid());
        return guest_failures ? CHILD_FAILED : 32;
    }
    if (!strcmp(argv[1], "session"))
        return getsid(0) == getpid() && getpgrp() == getpid() ? 33 : CHILD_FAILED;
    return 1;
}

/* ---- vfork ---- */

static volatile int shared;
static volatile sig_atomic_t handled;

static void handle(int number)
{
    (void)number;
    handled++;
}

static void memory(void)
{
    volatile int on_stack = 1;
    shared = 1;
    fflush(stdout);
    pid_t parent = getpid(), pid = vfork();
    if (pid == 0) {
        shared = 2; /* ours is the parent's */
        on_stack = 2;
        if (getpid() == parent || getppid() != parent || gettid() != getpid())
            _exit(1);
        _exit(12);
    }
    CHECK(shared == 2 && on_stack == 2); /* and it has ended: the parent was stopped until then */
    CHECK_EXIT(status_of(pid), 12);

    for (volatile int i = 0; i < 100; i++) {
        pid = vfork();
        if (pid == 0)
            _exit(i);
        CHECK_EXIT(status_of(pid), i);
    }

    /* Killed before it executes anything: the parent goes on. */
    pid = vfork();
    if (pid == 0) {
        shared = 3;
        kill(getpid(), SIGKILL);
        _exit(1);
    }
    CHECK(shared == 3);
    CHECK_KILLED(status_of(pid), SIGKILL);
}

/* Descriptors, folder and dispositions are the child's own. */
static void rest(void)
{
    signal(SIGUSR1, handle);
    int fd = open("/", O_RDONLY);
    fflush(stdout);
    pid_t pid = vfork();
    if (pid == 0) {
        close(fd);
        chdir("/");
        umask(0777);
        signal(SIGUSR1, SIG_IGN);
        if (fcntl(fd, F_GETFD) != -1)
            _exit(1);
        _exit(0);
    }
    CHECK_EXIT(status_of(pid), 0);
    CHECK(fcntl(fd, F_GETFD) == 0 && close(fd) == 0);
    char folder[4096];
    CHECK(getcwd(folder, sizeof folder) && strcmp(folder, "/"));
    CHECK(umask(022) == 022);
    handled = 0;
    raise(SIGUSR1);
    CHECK(handled == 1);
}

/* The parent takes a signal sent meanwhile when the child has left its memory. */
static void signal_meanwhile(void)
{
    handled = 0;
    fflush(stdout);
    pid_t parent = getpid(), pid = vfork();
    if (pid == 0) {
        kill(parent, SIGUSR1);
        for (int i = 0; i < 100; i++)
            sched_yield();
        _exit(handled); /* none yet */
    }
    CHECK(handled == 1);
    CHECK_EXIT(status_of(pid), 0);
}

static void and_exec(void)
{
    for (volatile int i = 0; i < 10; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", 40 + i);
        char *argv[] = {self, "code", number, NULL}, *none[] = {NULL};
        fflush(stdout);
        pid_t pid = vfork();
        if (pid == 0) {
            execve(i % 3 == 2 ? "/no/such/program" : self, argv, none);
            shared = errno; /* the parent sees it */
            _exit(127);
        }
        if (i % 3 == 2)
            CHECK(shared == ENOENT);
        CHECK_EXIT(status_of(pid), i % 3 == 2 ? 127 : 40 + i);
    }
}

/* Other threads of the parent run on while one waits for its vfork child. */
static _Atomic int counter, stop;

static void *count(void *arg)
{
    while (!stop) {
        counter++;
        sched_yield();
    }
    return arg;
}

static void *vfork_here(void *arg)
{
    for (int i = 0; i < 10; i++) {
        pid_t pid = vfork();
        if (pid == 0)
            _exit((int)(intptr_t)arg + i);
        CHECK_EXIT(status_of(pid), (int)(intptr_t)arg + i);
    }
    return NULL;
}

static void among_threads(void)
{
    pthread_t counting, forking[3];
    fflush(stdout);
    CHECK(pthread_create(&counting, NULL, count, NULL) == 0);
    pid_t pid = vfork();
    if (pid == 0) {
        int before = counter;
        while (counter < before + 10)
            sched_yield();
        _exit(3);
    }
    CHECK_EXIT(status_of(pid), 3);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&forking[i], NULL, vfork_here, (void *)(intptr_t)(i * 10)) == 0);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(forking[i], NULL) == 0);
    stop = 1;
    CHECK(pthread_join(counting, NULL) == 0);
}

/* ---- posix_spawn ---- */

static void spawns(void)
{
    pid_t pid;
    char *code[] = {self, "code", "17", NULL};
    CHECK(posix_spawn(&pid, self, NULL, NULL, code, environ) == 0);
    CHECK_EXIT(status_of(pid), 17);
    CHECK(posix_spawn(&pid, "/no/such/program", NULL, NULL, code, environ) == ENOENT);
    CHECK(posix_spawn(&pid, "/", NULL, NULL, code, environ) == EACCES);
    CHECK_ERROR(wait(NULL), ECHILD); /* a failed one leaves no zombie */

    /* Files. */
    CHECK(mkdir("there", 0700) == 0);
    int fd = open("there/in", O_RDWR | O_CREAT, 0600);
    CHECK(write(fd, "input", 5) == 5 && close(fd) == 0);
    int eight = open("/", O_RDONLY);
    CHECK(dup2(eight, 8) == 8 && dup3(eight, 9, O_CLOEXEC) == 9 && close(eight) == 0);
    posix_spawn_file_actions_t actions;
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawn_file_actions_addchdir_np(&actions, "there") == 0);
    CHECK(posix_spawn_file_actions_addopen(&actions, 0, "in", O_RDONLY, 0) == 0);
    CHECK(posix_spawn_file_actions_addopen(&actions, 7, "out", O_WRONLY | O_CREAT, 0640) == 0);
    CHECK(posix_spawn_file_actions_addclose(&actions, 8) == 0);
    CHECK(posix_spawn_file_actions_adddup2(&actions, 9, 9) == 0); /* clears close-on-exec */
    char *files[] = {"absolute", "files", NULL}, *only[] = {"ONLY=this", NULL};
    char program[8192];
    CHECK(realpath(self, program) != NULL);
    CHECK(posix_spawn(&pid, program, &actions, NULL, files, only) == 0);
    CHECK_EXIT(status_of(pid), 31);
    char text[8] = "";
    fd = open("there/out", O_RDONLY);
    CHECK(read(fd, text, 7) == 5 && !strcmp(text, "seven") && close(fd) == 0);
    CHECK(posix_spawn_file_actions_addopen(&actions, 5, "missing", O_RDONLY, 0) == 0);
    CHECK(posix_spawn(&pid, program, &actions, NULL, files, only) == ENOENT);
    CHECK_ERROR(wait(NULL), ECHILD);
    posix_spawn_file_actions_destroy(&actions);
    close(8);
    close(9);

    /* Attributes. */
    posix_spawnattr_t attributes;
    sigset_t mask, defaults;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGHUP);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    CHECK(posix_spawnattr_init(&attributes) == 0);
    CHECK(posix_spawnattr_setsigmask(&attributes, &mask) == 0);
    CHECK(posix_spawnattr_setsigdefault(&attributes, &defaults) == 0);
    CHECK(posix_spawnattr_setpgroup(&attributes, 0) == 0);
    CHECK(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETPGROUP) == 0);
    char *arguments[] = {self, "attributes", NULL};
    CHECK(posix_spawn(&pid, self, NULL, &attributes, arguments, environ) == 0);
    CHECK_EXIT(status_of(pid), 32);
    arguments[1] = "session";
    CHECK(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID) == 0);
    CHECK(posix_spawn(&pid, self, NULL, &attributes, arguments, environ) == 0);
    CHECK_EXIT(status_of(pid), 33);
    posix_spawnattr_destroy(&attributes);
    signal(SIGHUP, SIG_DFL);
    signal(SIGINT, SIG_DFL);
}

static void streams(void)
{
    char line[64] = "";
    setenv("SELF", self, 1);
    fflush(stdout);
    /* popen(3) and system(3) need a shell; where there is none they say 127. */
    int status = system(NULL) ? system("exit 5") : 5 << 8;
    CHECK_EXIT(status, 5);
    if (system(NULL)) {
        FILE *f = popen("echo through a pipe", "r");
        CHECK(f && fgets(line, sizeof line, f) && !strcmp(line, "through a pipe\n"));
        CHECK(pclose(f) == 0);
    }
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1)
        return spawned(argc, argv);
    char program[4096];
    self = realpath(self, program);
    CHECK(self && mkdir("of-its-own", 0700) == 0 && chdir("of-its-own") == 0); /* not the root */
    memory();
    rest();
    signal_meanwhile();
    and_exec();
    among_threads();
    spawns();
    streams();
    CHECK_ERROR(wait(NULL), ECHILD);
    return guest_result();
}
