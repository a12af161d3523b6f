/* SPDX-License-Identifier: MIT */
/* Notification: by signal, by netlink socket, by nothing; whose it is, and when it ends. */

#include <linux/netlink.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "guest_process.h"
#include "queues.h"

#define SIZE 64
#define SIGNAL (SIGRTMIN + 3)

static char data[8192];

static struct sigevent by_signal(int number, long value)
{
    return (struct sigevent){.sigev_notify = SIGEV_SIGNAL,
                             .sigev_signo = number,
                             .sigev_value.sival_ptr = (void *)value};
}

/* A signal that is pending is taken: its number, or 0. */
static int got_signal(siginfo_t *info)
{
    static const struct timespec now;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGNAL);
    sigaddset(&set, SIGUSR1);
    memset(info, 0, sizeof *info);
    int n = sigtimedwait(&set, info, &now);
    return n < 0 ? 0 : n;
}

static void drain(int fd)
{
    while (q_count(fd) > 0)
        CHECK(q_receive(fd, data, SIZE, NULL, NULL) >= 0);
}

/* Is nobody told now?  The process asks, and takes it back. */
static int is_free(int fd)
{
    struct sigevent none = {.sigev_notify = SIGEV_NONE};
    return q_notify(fd, &none) == 0 && q_notify(fd, NULL) == 0;
}

static void test_errors(void)
{
    int fd = q_new("e", 2, SIZE), pipes[2], unix_socket = socket(AF_UNIX, SOCK_DGRAM, 0);
    int netlink = socket(AF_NETLINK, SOCK_RAW, 0), path = open("/", O_PATH);
    struct sigevent e = by_signal(SIGNAL, 0);
    CHECK(pipe(pipes) == 0);
    CHECK_ERROR(q_notify(-1, &e), EBADF);
    CHECK_ERROR(q_notify(-1, NULL), EBADF);
    CHECK_ERROR(q_notify(0, NULL), EBADF);
    CHECK_ERROR(q_notify(path, NULL), EBADF);
    CHECK_ERROR(q_notify(-1, BAD), EFAULT);
    e.sigev_signo = 65;
    CHECK_ERROR(q_notify(-1, &e), EINVAL);
    e.sigev_signo = -1;
    CHECK_ERROR(q_notify(-1, &e), EINVAL);
    e.sigev_notify = 3;
    CHECK_ERROR(q_notify(-1, &e), EINVAL);
    e.sigev_notify = SIGEV_THREAD_ID;
    CHECK_ERROR(q_notify(-1, &e), EINVAL);
    e.sigev_notify = SIGEV_THREAD;
    e.sigev_value.sival_ptr = BAD;
    CHECK_ERROR(q_notify(-1, &e), EFAULT);
    e.sigev_value.sival_ptr = data;
    e.sigev_signo = -1;
    CHECK_ERROR(q_notify(-1, &e), EBADF);
    e.sigev_signo = path;
    CHECK_ERROR(q_notify(-1, &e), EBADF);
    e.sigev_signo = pipes[0];
    CHECK_ERROR(q_notify(-1, &e), ENOTSOCK);
    e.sigev_signo = fd;
    CHECK_ERROR(q_notify(-1, &e), ENOTSOCK);
    e.sigev_signo = unix_socket;
    CHECK_ERROR(q_notify(-1, &e), EINVAL);
    e.sigev_signo = netlink;
    CHECK_ERROR(q_notify(-1, &e), EBADF);
    CHECK_ERROR(q_notify(0, &e), EBADF);
    CHECK(q_notify(fd, NULL) == 0); /* nobody was told */
    e = by_signal(0, 0);
    CHECK(q_notify(fd, &e) == 0);
    e = by_signal(64, 0);
    CHECK_ERROR(q_notify(fd, &e), EBUSY);
    e.sigev_notify = SIGEV_NONE;
    CHECK_ERROR(q_notify(fd, &e), EBUSY);
    CHECK(q_send(fd, "x", 1, 0, NULL) == 0 && is_free(fd));
    close(pipes[0]);
    close(pipes[1]);
    close(unix_socket);
    close(netlink);
    close(path);
    CHECK(close(fd) == 0 && q_unlink("e") == 0);
}

static void test_signal(void)
{
    int fd = q_new("s", 3, SIZE), r = q_open("s", O_RDONLY, 0, NULL);
    struct sigevent e = by_signal(SIGNAL, 0x123456789a);
    siginfo_t info;
    CHECK(q_notify(r, &e) == 0 && !got_signal(&info));
    CHECK(q_send(fd, "1", 1, 0, NULL) == 0);
    CHECK(got_signal(&info) == SIGNAL && info.si_code == SI_MESGQ && info.si_errno == 0);
    CHECK(info.si_pid == getpid() && info.si_uid == getuid());
    CHECK(info.si_value.sival_ptr == (void *)0x123456789a);
    /* Once. */
    drain(fd);
    CHECK(q_send(fd, "2", 1, 0, NULL) == 0 && !got_signal(&info));
    /* Not by what comes to others. */
    CHECK(q_notify(fd, &e) == 0 && q_send(fd, "3", 1, 0, NULL) == 0 && !got_signal(&info));
    CHECK(!is_free(fd));
    drain(fd);
    CHECK(q_send(fd, "4", 1, 0, NULL) == 0 && got_signal(&info) == SIGNAL && is_free(fd));
    /* Taken back. */
    drain(fd);
    CHECK(q_notify(fd, &e) == 0 && q_notify(fd, NULL) == 0);
    CHECK(q_send(fd, "5", 1, 0, NULL) == 0 && !got_signal(&info));
    /* A standard signal; a signalfd. */
    drain(fd);
    e.sigev_signo = SIGUSR1;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    int sfd = signalfd(-1, &set, SFD_NONBLOCK);
    struct signalfd_siginfo got;
    CHECK(q_notify(fd, &e) == 0 && q_send(fd, "6", 1, 0, NULL) == 0);
    CHECK(read(sfd, &got, sizeof got) == sizeof got && got.ssi_signo == SIGUSR1);
    CHECK(got.ssi_code == SI_MESGQ && got.ssi_ptr == 0x123456789a &&
          got.ssi_pid == (uint32_t)getpid() && got.ssi_uid == getuid());
    close(sfd);
    /* Any close of the queue ends it, not of another. */
    drain(fd);
    int again = dup(fd);
    CHECK(q_notify(fd, &e) == 0 && close(open("/", O_RDONLY)) == 0 && !is_free(fd));
    CHECK(close(again) == 0 && is_free(fd));
    CHECK(q_notify(fd, &e) == 0 && dup2(0, r) == r && is_free(fd));
    CHECK(close(r) == 0 && close(fd) == 0 && q_unlink("s") == 0);
}

/* It goes to one process, whoever sends; the message to one that waits, and nobody is told. */
static int send_one(void *arg)
{
    const int *fd = arg;
    if (geteuid() == 0)
        CHECK(setresuid(1234, 0, 0) == 0);
    CHECK_ERROR(q_notify(*fd, &(struct sigevent){.sigev_notify = SIGEV_NONE}), EBUSY);
    CHECK(q_notify(*fd, NULL) == 0); /* it is not ours */
    CHECK(q_send(*fd, "child", 5, 0, NULL) == 0);
    printf("sent\n");
    return 0;
}

static int receive_one(void *arg)
{
    const int *fd = arg;
    CHECK(q_receive(*fd, data, SIZE, NULL, NULL) == 5 && memcmp(data, "first", 5) == 0);
    return 0;
}

static void test_others(void)
{
    int fd = q_new("o", 3, SIZE);
    struct sigevent e = by_signal(SIGNAL, 1);
    siginfo_t info;
    CHECK(q_notify(fd, &e) == 0);
    pid_t pid = start(send_one, &fd);
    CHECK_EXIT(status_of(pid), 0);
    CHECK(got_signal(&info) == SIGNAL && info.si_pid == pid &&
          info.si_uid == (geteuid() ? getuid() : 1234));
    drain(fd);
    pid = start(receive_one, &fd);
    SOON(sleeps(pid));
    CHECK(q_notify(fd, &e) == 0);
    CHECK(q_send(fd, "first", 5, 0, NULL) == 0);
    CHECK_EXIT(status_of(pid), 0);
    CHECK(!got_signal(&info) && q_count(fd) == 0 && !is_free(fd));
    CHECK(q_send(fd, "second", 6, 0, NULL) == 0 && got_signal(&info) == SIGNAL);
    CHECK(close(fd) == 0 && q_unlink("o") == 0);
}

static int ask_and(void *arg)
{
    const int *fd = arg;
    struct sigevent e = by_signal(SIGNAL, 1);
    CHECK(q_notify(fd[0], &e) == 0);
    if (fd[1] == 1)
        raise(SIGKILL);
    if (fd[1] == 2) {
        execl("/proc/self/exe", "self", "exec", (char *)NULL);
        return 99;
    }
    return 0;
}

/* The end of a process, or another program in it, ends its notification. */
static void test_ends(void)
{
    int arg[2] = {q_new("n", 3, SIZE), 0};
    CHECK_EXIT(run(ask_and, arg), 0);
    CHECK(is_free(arg[0]));
    arg[1] = 1;
    CHECK_KILLED(run(ask_and, arg), SIGKILL);
    CHECK(is_free(arg[0]));
    arg[1] = 2;
    CHECK_EXIT(run(ask_and, arg), 0);
    CHECK(is_free(arg[0]));
    /* A descriptor that stays: told, but not the new program. */
    CHECK(fcntl(arg[0], F_SETFD, 0) == 0);
    int to[2], from[2];
    char c;
    CHECK(pipe(to) == 0 && pipe(from) == 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct sigevent e = by_signal(SIGNAL, 1);
        char in[16], out[16];
        snprintf(in, sizeof in, "%d", to[0]);
        snprintf(out, sizeof out, "%d", from[1]);
        if (q_notify(arg[0], &e) == 0)
            execl("/proc/self/exe", "self", in, out, (char *)NULL);
        _exit(99);
    }
    CHECK(read(from[0], &c, 1) == 1);
    CHECK_ERROR(q_notify(arg[0], &(struct sigevent){.sigev_notify = SIGEV_NONE}), EBUSY);
    CHECK(q_send(arg[0], "x", 1, 0, NULL) == 0 && is_free(arg[0]));
    CHECK(write(to[1], "x", 1) == 1);
    CHECK_EXIT(status_of(pid), 0);
    for (int i = 0; i < 2; i++)
        CHECK(close(to[i]) == 0 && close(from[i]) == 0);
    CHECK(close(arg[0]) == 0 && q_unlink("n") == 0);
}

static int after_exec(char **argv)
{
    char c = 0;
    siginfo_t info;
    if (!argv[2]) /* its queue is closed */
        return 0;
    if (write(atoi(argv[2]), "x", 1) != 1 || read(atoi(argv[1]), &c, 1) != 1)
        return 2;
    return got_signal(&info) != 0;
}

/* As glibc does it for SIGEV_THREAD: 32 bytes come by a netlink socket, the last says why. */
static void test_netlink(void)
{
    int fd = q_new("k", 3, SIZE), s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
    unsigned char cookie[32], got[64];
    for (int i = 0; i < 32; i++)
        cookie[i] = (unsigned char)(i + 1);
    struct sigevent e = {
        .sigev_notify = SIGEV_THREAD, .sigev_signo = s, .sigev_value.sival_ptr = cookie};
    struct pollfd p = {s, POLLIN, 0};
    CHECK(q_notify(fd, &e) == 0);
    char want[100];
    snprintf(want, sizeof want, "QSIZE:0          NOTIFY:2     SIGNO:0     NOTIFY_PID:%-6d\n",
             getpid());
    CHECK(pread(fd, data, sizeof data, 0) == (ssize_t)strlen(want) &&
          memcmp(data, want, strlen(want)) == 0);
    cookie[0] = 77; /* it was copied */
    CHECK(poll(&p, 1, 0) == 0);
    CHECK(q_send(fd, "x", 1, 0, NULL) == 0 && poll(&p, 1, 0) == 1);
    CHECK(recv(s, got, sizeof got, MSG_NOSIGNAL | MSG_WAITALL) == 32);
    CHECK(got[0] == 1 && got[30] == 31 && got[31] == 1);
    CHECK_ERROR(recv(s, got, sizeof got, MSG_DONTWAIT), EAGAIN);
    CHECK(q_notify(fd, &e) == 0 && q_notify(fd, NULL) == 0);
    CHECK(recv(s, got, sizeof got, MSG_DONTWAIT) == 32 && got[0] == 77 && got[31] == 2);
    CHECK(q_notify(fd, &e) == 0);
    CHECK_ERROR(q_notify(fd, &e), EBUSY);
    CHECK_ERROR(recv(s, got, sizeof got, MSG_DONTWAIT), EAGAIN);
    CHECK(close(dup(fd)) == 0);
    CHECK(recv(s, got, sizeof got, MSG_DONTWAIT) == 32 && got[31] == 2);
    /* A socket that is closed gets nothing, and nothing else happens. */
    drain(fd);
    CHECK(q_notify(fd, &e) == 0 && close(s) == 0);
    CHECK(q_send(fd, "x", 1, 0, NULL) == 0 && is_free(fd));
    CHECK(close(fd) == 0 && q_unlink("k") == 0);
}

/* The library's own threads. */
static volatile int told;

static void on_message(union sigval value)
{
    told = value.sival_int;
}

static void test_thread(void)
{
    struct sigevent e = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_message};
    mqd_t q = mq_open("/library", O_CREAT | O_RDWR, 0600, NULL);
    CHECK(q >= 0);
    for (int i = 1; i <= 20; i++) {
        e.sigev_value.sival_int = i;
        CHECK(mq_notify(q, &e) == 0);
        CHECK(mq_send(q, "x", 1, 0) == 0);
        SOON(told == i);
        CHECK(mq_receive(q, data, sizeof data, NULL) == 1);
    }
    CHECK(mq_close(q) == 0 && mq_unlink("/library") == 0);
}

int main(int argc, char **argv)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGNAL);
    sigaddset(&set, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    if (argc > 1)
        return after_exec(argv);
    queues_begin();
    test_errors();
    test_signal();
    test_others();
    test_ends();
    test_netlink();
    test_thread();
    return guest_result();
}
