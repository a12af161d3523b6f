/* SPDX-License-Identifier: MIT */
/* clone(2) and clone3(2): what is shared, numbers written, exit signals, and errors. */

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "guest_process.h"

static long clone3(struct clone_args *args, size_t size)
{
    return syscall(SYS_clone3, args, size);
}

static char stack[1 << 18] __attribute__((aligned(16)));
static _Atomic int value;
static int fd_of_child;

static int change(void *arg)
{
    value = (int)(intptr_t)arg;
    fd_of_child = open("/", O_RDONLY);
    chdir("/");
    umask(077);
    return 15;
}

/* A child with these flags changes memory, descriptors and folder; which of them do we see? */
static void sharing(const char *name, int flags)
{
    char folder[4096];
    value = 1;
    fflush(stdout);
    pid_t pid = clone(change, stack + sizeof stack, flags | SIGCHLD, (void *)2);
    CHECK(pid > 0);
    CHECK_EXIT(status_of(pid), 15);
    int memory = value == 2;
    /* Descriptor 3 is the lowest free one on both sides. */
    int files = fcntl(3, F_GETFD) >= 0;
    close(3);
    CHECK(getcwd(folder, sizeof folder));
    mode_t mask = umask(022);
    printf("%s: memory %s, descriptors %s, folder %s, mask %s\n", name, memory ? "one" : "two",
           files ? "one" : "two", strcmp(folder, "/") ? "two" : "one", mask == 022 ? "two" : "one");
}

static int parent_of_child(void *arg)
{
    *(pid_t *)arg = getppid();
    return 16;
}

static int clone_sibling(void *arg)
{
    pid_t *seen = arg;
    fflush(stdout);
    seen[0] =
        clone(parent_of_child, stack + sizeof stack, CLONE_PARENT | CLONE_VM | SIGTERM, &seen[1]);
    CHECK(seen[0] > 0);
    CHECK_ERROR(waitpid(seen[0], NULL, 0), ECHILD); /* it is our parent's */
    return 0;
}

static void siblings(void)
{
    pid_t *seen = calloc(2, sizeof *seen);
    static char other[1 << 18] __attribute__((aligned(16)));
    int status;
    pid_t pid = clone(clone_sibling, other + sizeof other, CLONE_VM | SIGCHLD, seen);
    CHECK_EXIT(status_of(pid), 0);
    CHECK(waitpid(seen[0], &status, 0) ==
          seen[0]); /* its exit signal is ours: SIGCHLD, no SIGTERM */
    CHECK_EXIT(status, 16);
    CHECK(seen[1] == getpid());
    free(seen);
}

/* ---- numbers ---- */

static void numbers(void)
{
    volatile pid_t parent_tid = 0, child_tid = 0;
    fflush(stdout);
    pid_t pid = (pid_t)syscall(
        SYS_clone, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, 0,
        &parent_tid, &child_tid, 0);
    if (pid == 0)
        _exit(child_tid == getpid() ? 0 : 1);
    CHECK(parent_tid == pid && child_tid == 0); /* written in the child's memory only */
    CHECK_EXIT(status_of(pid), 0);

    /* With shared memory it is cleared, and its futex woken, when the child has ended. */
    child_tid = -1;
    pid = clone(exit_with, stack + sizeof stack,
                CLONE_VM | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, (void *)18, NULL,
                NULL, &child_tid);
    CHECK(pid > 0);
    for (pid_t seen; (seen = child_tid) != 0;)
        syscall(SYS_futex, &child_tid, 0 /* FUTEX_WAIT */, seen, NULL, NULL, 0);
    CHECK_EXIT(status_of(pid), 18);
}

static int await_hup(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n;
    do
        n = poll(&p, 1, -1);
    while (n < 0 && errno == EINTR);
    return n == 1 && p.revents & POLLIN;
}

static void pidfds(void)
{
    int fd = -1;
    fflush(stdout);
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &fd, 0, 0);
    if (pid == 0)
        _exit(19);
    CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    CHECK(await_hup(fd)); /* a zombie is enough */
    siginfo_t info;
    CHECK(waitid((idtype_t)3, (id_t)fd, &info, WEXITED) == 0 && info.si_pid == pid);
    CHECK(info.si_status == 19);
    CHECK_ERROR((int)syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), ESRCH);
    close(fd);
    CHECK_ERROR((int)syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &fd, 0, 0),
                EINVAL);
}

/* ---- clone3 ---- */

static volatile sig_atomic_t user_signals;

static void count_signal(int number)
{
    (void)number;
    user_signals++;
}

static void third(void)
{
    volatile pid_t parent_tid = 0;
    int fd = -1, status;
    struct clone_args args = {.flags = CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_CLEAR_SIGHAND,
                              .pidfd = (uintptr_t)&fd,
                              .parent_tid = (uintptr_t)&parent_tid,
                              .exit_signal = SIGUSR1};
    signal(SIGUSR1, count_signal);
    signal(SIGUSR2, count_signal);
    signal(SIGHUP, SIG_IGN);
    fflush(stdout);
    pid_t pid = (pid_t)clone3(&args, sizeof args);
    if (pid == 0) {
        struct sigaction user, hup;
        sigaction(SIGUSR2, NULL, &user);
        sigaction(SIGHUP, NULL, &hup);
        _exit(user.sa_handler == SIG_DFL && hup.sa_handler == SIG_IGN ? 20 : 1);
    }
    CHECK(pid > 0 && parent_tid == pid && fd >= 0);
    CHECK(waitpid(pid, &status, __WALL) == pid);
    CHECK_EXIT(status, 20);
    CHECK(user_signals == 1);
    close(fd);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
    signal(SIGHUP, SIG_DFL);

    /* The first version of the structure, 64 bytes; no exit signal at all. */
    struct clone_args plain = {0};
    pid = (pid_t)clone3(&plain, 64);
    if (pid == 0)
        _exit(21);
    CHECK(waitpid(pid, &status, __WALL) == pid);
    CHECK_EXIT(status, 21);
}

static void errors(void)
{
    struct clone_args args = {.exit_signal = SIGCHLD};
    char larger[256] = {0};
    CHECK_ERROR((int)clone3(&args, 63), EINVAL);
    CHECK_ERROR((int)clone3(&args, 5000), E2BIG);
    CHECK_ERROR((int)clone3((void *)8, sizeof args), EFAULT);
    memcpy(larger, &args, sizeof args);
    larger[200] = 1; /* unknown, and not zero */
    CHECK_ERROR((int)clone3((void *)larger, sizeof larger), E2BIG);
    static const struct clone_args rows[] = {
        {.exit_signal = 65},
        {.exit_signal = 0x100},
        {.flags = 1}, /* the low byte is no signal here */
        {.flags = CLONE_DETACHED, .exit_signal = SIGCHLD},
        {.flags = 1ull << 40},
        {.flags = CLONE_SIGHAND, .exit_signal = SIGCHLD},
        {.flags = CLONE_THREAD | CLONE_VM},
        {.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, .exit_signal = SIGCHLD},
        {.flags = CLONE_PARENT, .exit_signal = SIGCHLD},
        {.flags = CLONE_CLEAR_SIGHAND | CLONE_SIGHAND | CLONE_VM},
        {.stack = 4096, .exit_signal = SIGCHLD},
        {.stack_size = 4096, .exit_signal = SIGCHLD},
        {.set_tid_size = 1, .exit_signal = SIGCHLD},
        {.set_tid = 4096, .exit_signal = SIGCHLD},
        {.set_tid = 4096, .set_tid_size = 33, .exit_signal = SIGCHLD},
        {.flags = CLONE_FS | CLONE_NEWNS, .exit_signal = SIGCHLD},
        {.flags = CLONE_FS | CLONE_NEWUSER, .exit_signal = SIGCHLD},
        {.flags = CLONE_NEWPID | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct clone_args copy = rows[i];
        CHECK_ERROR((int)clone3(&copy, sizeof copy), EINVAL);
    }
    CHECK_ERROR((int)syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0), EINVAL);
    CHECK_ERROR((int)syscall(SYS_clone, CLONE_THREAD | CLONE_VM, 0, 0, 0, 0), EINVAL);
    CHECK_ERROR((int)syscall(SYS_clone, CLONE_FS | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0), EINVAL);
    CHECK_ERROR(wait(NULL), ECHILD);

    /* A user without privileges may not make the others, nor choose a number. */
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        /* Not all: a kernel may be built without some, and says EINVAL then. */
        static const unsigned long flags[] = {CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWPID};
        guest_failures = 0;
        if (geteuid() == 0)
            CHECK(setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0);
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
            CHECK_ERROR((int)syscall(SYS_clone, flags[i] | SIGCHLD, 0, 0, 0, 0), EPERM);
            CHECK_ERROR(unshare((int)flags[i]), EPERM);
        }
        pid_t wanted = 30000;
        struct clone_args chosen = {
            .set_tid = (uintptr_t)&wanted, .set_tid_size = 1, .exit_signal = SIGCHLD};
        CHECK_ERROR((int)clone3(&chosen, sizeof chosen), EPERM);
        fflush(stdout);
        _exit(guest_failures ? CHILD_FAILED : 0);
    }
    CHECK_EXIT(status_of(pid), 0);
}

/* unshare(2) of what processes can share without privileges. */
static int unshare_and_change(void *arg)
{
    CHECK(unshare((int)(intptr_t)arg) == 0);
    return change((void *)2);
}

static void unshares(void)
{
    char folder[4096];
    CHECK_ERROR(unshare(1), EINVAL);
    pid_t pid =
        clone(unshare_and_change, stack + sizeof stack, CLONE_VM | CLONE_FILES | CLONE_FS | SIGCHLD,
              (void *)(intptr_t)(CLONE_FILES | CLONE_FS));
    CHECK_EXIT(status_of(pid), 15);
    CHECK(fcntl(3, F_GETFD) == -1);
    CHECK(getcwd(folder, sizeof folder) && strcmp(folder, "/"));
}

/* CLONE_SIGHAND without CLONE_THREAD: what one of them sets, the other has. */
static void handler(int number)
{
    (void)number;
}

static int set_handlers(void *arg)
{
    const struct sigaction once = {.sa_handler = handler, .sa_flags = (int)SA_RESETHAND};
    (void)arg;
    return signal(SIGUSR1, SIG_IGN) == handler && sigaction(SIGUSR2, &once, NULL) == 0 ? 5 : 6;
}

static void handlers(void)
{
    struct sigaction action;
    for (int shared = 0; shared < 2; shared++) {
        CHECK(signal(SIGUSR1, handler) != SIG_ERR && signal(SIGUSR2, SIG_DFL) != SIG_ERR);
        int flags = CLONE_VM | SIGCHLD | (shared ? CLONE_SIGHAND : 0);
        CHECK_EXIT(status_of(clone(set_handlers, stack + sizeof stack, flags, NULL)), 5);
        CHECK(sigaction(SIGUSR1, NULL, &action) == 0);
        CHECK(action.sa_handler == (shared ? SIG_IGN : handler));
        CHECK(sigaction(SIGUSR2, NULL, &action) == 0);
        CHECK(action.sa_handler == (shared ? handler : SIG_DFL));
    }
    raise(SIGUSR2); /* once */
    CHECK(sigaction(SIGUSR2, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
    puts("handlers");
}

int main(void)
{
    char folder[4096];
    CHECK(mkdir("of-its-own", 0700) == 0 && chdir("of-its-own") == 0); /* not the root */
    CHECK(getcwd(folder, sizeof folder));
    for (int i = 3; i < 10; i++)
        close(i);
    sharing("nothing", 0);
    sharing("CLONE_VM", CLONE_VM);
    sharing("CLONE_VFORK | CLONE_VM", CLONE_VFORK | CLONE_VM);
    sharing("CLONE_VFORK", CLONE_VFORK);
    sharing("CLONE_FILES", CLONE_FILES);
    sharing("CLONE_FS", CLONE_FS);
    CHECK(chdir(folder) == 0);
    sharing("all", CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND | CLONE_SYSVSEM | CLONE_IO);
    CHECK(chdir(folder) == 0);
    siblings();
    numbers();
    pidfds();
    third();
    errors();
    unshares();
    handlers();
    CHECK_ERROR(wait(NULL), ECHILD);
    return guest_result();
}
