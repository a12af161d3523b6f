/* SPDX-License-Identifier: MIT */
/*
 * Files that processes share.  The launcher's guest hosts are copies of it, so what it keeps itself,
 * all of them would keep, too.  So a process does nothing else: it gets descriptors through a
 * socket that the launcher and all guest hosts have an end of, and gives duplicates of them
 * to whoever asks.  It ends when nobody has that end any more.
 *
 * A message is one request, with the end of a socket pair on which the answer is expected.
 *
 * Source  unix(7) SOCK_SEQPACKET, cmsg(3) SCM_RIGHTS, close_range(2).
 */

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "internal.h"
#include "lx/errno.h"

#define FDS_MAX 2
#define SOCKET 0 /* the keeper's end; so no file is kept as number 0 */

enum what { KEEP, FETCH, FORGET };

struct message {
    uint32_t what; /* enum what; of an answer unused */
    int32_t value; /* a key; of an answer also -LX_E* */
};

static int send_message(int to, const struct message *m, const int *fds, size_t count)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
    } control;
    struct iovec part = {(void *)m, sizeof *m}; /* sendmsg(2) takes void * of what it reads */
    struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
    if (count) {
        memset(&control, 0, sizeof control);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(count * sizeof *fds);
        memcpy(CMSG_DATA(&control.header), fds, count * sizeof *fds);
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(count * sizeof *fds);
    }
    ssize_t n;
    do
        n = sendmsg(to, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? linux_error() : 0;
}

/*
 * Receive a message.  Linux looks for one and then whether the other end is closed, so an answer
 * that comes with the close right between the two shows as an end; it is there at the next look.
 *   fds      what came with it; -1 for what did not.
 *   returns  -LX_EPIPE: nobody is there any more; -LX_EMFILE: no room for a descriptor.
 */
static int receive(int from, struct message *m, int fds[FDS_MAX])
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
    } control;
    struct iovec part = {m, sizeof *m};
    struct msghdr msg = {.msg_iov = &part,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof control};
    ssize_t n;
    int ends = 0;
    *m = (struct message){FETCH, -1};
    fds[0] = fds[1] = -1;
    do
        n = recvmsg(from, &msg, MSG_CMSG_CLOEXEC);
    while ((n < 0 && errno == EINTR) || (n == 0 && ++ends < 2));
    if (n < 0)
        return linux_error();
    if (n != sizeof *m)
        return -LX_EPIPE;
    const struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    if (c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len <= CMSG_LEN(FDS_MAX * sizeof(int)))
        memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
    return msg.msg_flags & MSG_CTRUNC ? -LX_EMFILE : 0;
}

/* ---- The keeper ---- */

static void close_fd(int fd)
{
    if (fd > SOCKET)
        close(fd);
}

/* fds: where to answer, and what to keep. */
static void serve(const struct message *m, int fds[FDS_MAX], int err)
{
    struct message answer = {.value = err};
    switch (m->what) {
    case KEEP:
        if (err == 0)
            answer.value = fds[1] >= 0 ? fds[1] : -LX_EMFILE;
        if (send_message(fds[0], &answer, NULL, 0) == 0 && answer.value > 0)
            fds[1] = -1; /* it stays */
        break;
    case FETCH:
        if (err < 0 || m->value <= SOCKET || send_message(fds[0], &answer, &m->value, 1) < 0) {
            answer.value = err < 0 ? err : -LX_EBADF;
            err = send_message(fds[0], &answer, NULL, 0);
        }
        break;
    default:
        close_fd(m->value);
    }
    close_fd(fds[0]);
    close_fd(fds[1]);
}

/* It has nothing of the launcher's but its end of the socket, and no signal but SIGKILL ends it. */
static NORETURN void be_keeper(const int ends[2])
{
    struct message m;
    sigset_t all;
    int fds[FDS_MAX], err;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    prctl(PR_SET_NAME, "tarbox-files");
    if (dup2(ends[1], SOCKET) < 0)
        _exit(1);
    close(ends[0]); /* of all things this one, also where there is no close_range(2) */
    syscall(SYS_close_range, SOCKET + 1, ~0u, 0);
    while ((err = receive(SOCKET, &m, fds)) != -LX_EPIPE)
        serve(&m, fds, err);
    _exit(0);
}

/* Open files are many: of us, who inherit this, and of the keeper. */
static void raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* The keeper is a grandchild, which nobody has to wait for. */
int plat_host_keeper_start(void)
{
    int ends[2], status;
    if (g_linux.keeper >= 0)
        return 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return linux_error();
    raise_limit();
    pid_t child = fork();
    if (child == 0) {
        pid_t keeper = fork();
        if (keeper == 0)
            be_keeper(ends);
        _exit(keeper < 0);
    }
    int err = child < 0 ? linux_error() : 0;
    close(ends[1]);
    while (err == 0 && waitpid(child, &status, 0) < 0)
        err = errno == EINTR ? 0 : linux_error();
    if (err == 0 && status != 0)
        err = -LX_EAGAIN;
    if (err == 0)
        g_linux.keeper = ends[0];
    else
        close(ends[0]);
    return err;
}

/* ---- Everybody else ---- */

/*
 * Ask the keeper.
 *   send     a descriptor, or -1.
 *   fd       what came with the answer, or -1.
 *   returns  what it answered.
 */
static int32_t ask(uint32_t what, int32_t value, int send, int *fd)
{
    struct message m = {what, value};
    int ends[2], fds[FDS_MAX];
    *fd = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return linux_error();
    int err = send_message(g_linux.keeper, &m, (const int[]){ends[1], send}, send < 0 ? 1 : 2);
    close(ends[1]); /* or its end would not be noticed */
    if (err == 0)
        err = receive(ends[0], &m, fds);
    close(ends[0]);
    if (err < 0)
        return err == -LX_EPIPE ? -LX_EIO : err;
    *fd = fds[0];
    return m.value;
}

int plat_host_file_keep(uint32_t keeper, struct plat_file *f, uint64_t *key)
{
    int fd;
    (void)keeper;
    int32_t value = ask(KEEP, 0, f->fd, &fd);
    *key = value > 0 ? (uint64_t)value : 0;
    return value > 0 ? 0 : value;
}

int plat_host_file_fetch(uint32_t keeper, uint64_t key, struct plat_file **out)
{
    int fd;
    (void)keeper;
    *out = NULL;
    int32_t err = ask(FETCH, (int32_t)key, -1, &fd);
    if (err < 0)
        return err;
    return fd < 0 ? -LX_EMFILE : linux_file_new(fd, out);
}

void plat_host_file_forget(uint32_t keeper, uint64_t key)
{
    const struct message m = {FORGET, (int32_t)key};
    (void)keeper;
    int err = send_message(g_linux.keeper, &m, NULL, 0);
    (void)err; /* then there is no keeper */
}
