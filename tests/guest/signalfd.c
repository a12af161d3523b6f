/* SPDX-License-Identifier: MIT */
/* signalfd(2), signalfd4(2), with read(2), poll(2) and epoll(7). */

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>

#include "guest.h"

#define SIZE sizeof(struct signalfd_siginfo)

static struct signalfd_siginfo got[8];

static sigset_t set_of(int a, int b, int c)
{
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, a);
    sigaddset(&s, b);
    sigaddset(&s, c);
    return s;
}

static int events(int fd)
{
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDNORM, 0};
    CHECK(poll(&p, 1, 0) >= 0);
    return p.revents;
}

static void errors(void)
{
    sigset_t s = set_of(SIGUSR1, SIGUSR1, SIGUSR1);
    int p[2];
    CHECK(pipe(p) == 0);
    CHECK_ERROR(signalfd(-2, &s, 0), EBADF);
    CHECK_ERROR(signalfd(900, &s, 0), EBADF);
    CHECK_ERROR(signalfd(p[0], &s, 0), EINVAL);
    CHECK_ERROR(signalfd(-1, &s, 1), EINVAL);
    CHECK_ERROR(syscall(SYS_signalfd4, -1, &s, 4, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_signalfd4, -1, 8, 8, 0), EFAULT);
    int old = (int)syscall(SYS_signalfd, -1, &s, 8);
    CHECK(old >= 0 && fcntl(old, F_GETFD) == 0 && fcntl(old, F_GETFL) == O_RDWR);
    close(old);
    int fd = signalfd(-1, &s, SFD_NONBLOCK | SFD_CLOEXEC);
    CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    CHECK((fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK)) == (O_RDWR | O_NONBLOCK));
    CHECK_ERROR(read(fd, got, SIZE), EAGAIN);
    CHECK_ERROR(read(fd, got, SIZE - 1), EINVAL);
    CHECK_ERROR(write(fd, got, SIZE), EINVAL);
    CHECK(events(fd) == 0);
    close(fd);
    close(p[0]);
    close(p[1]);
}

static void contents(void)
{
    sigset_t s = set_of(SIGUSR1, SIGRTMIN, SIGCHLD);
    CHECK(sigprocmask(SIG_BLOCK, &s, NULL) == 0);
    int fd = signalfd(-1, &s, SFD_NONBLOCK);
    CHECK(kill(getpid(), SIGUSR1) == 0 && kill(getpid(), SIGUSR1) == 0); /* once only */
    CHECK(events(fd) == POLLIN);
    for (int i = 0; i < 3; i++)
        CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 100 + i}) == 0);
    CHECK(read(fd, got, sizeof got) == 4 * (long)SIZE); /* as many as there are */
    CHECK(got[0].ssi_signo == SIGUSR1 && got[0].ssi_code == SI_USER && got[0].ssi_errno == 0);
    CHECK(got[0].ssi_pid == (unsigned)getpid() && got[0].ssi_uid == getuid());
    for (int i = 0; i < 3; i++) {
        CHECK(got[1 + i].ssi_signo == (unsigned)SIGRTMIN && got[1 + i].ssi_code == SI_QUEUE);
        CHECK(got[1 + i].ssi_int == 100 + i && (int)got[1 + i].ssi_ptr == 100 + i);
    }
    CHECK_ERROR(read(fd, got, SIZE), EAGAIN);
    CHECK(events(fd) == 0);

    CHECK(raise(SIGUSR1) == 0 && raise(SIGRTMIN) == 0);
    CHECK(read(fd, got, SIZE + 5) == (long)SIZE && got[0].ssi_signo == SIGUSR1);
    CHECK(got[0].ssi_code == SI_TKILL);
    CHECK(read(fd, got, SIZE) == (long)SIZE && got[0].ssi_signo == (unsigned)SIGRTMIN);

    /* Another set for the same file; what is not in it stays pending. */
    sigset_t other = set_of(SIGUSR2, SIGUSR2, SIGKILL), pending;
    CHECK(raise(SIGUSR1) == 0 && signalfd(fd, &other, 0) == fd);
    CHECK_ERROR(read(fd, got, SIZE), EAGAIN);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
    CHECK(signalfd(fd, &s, 0) == fd && read(fd, got, SIZE) == (long)SIZE);
    CHECK(raise(SIGUSR1) == 0);
    void *gone = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK_ERROR(read(fd, gone, SIZE), EFAULT); /* and it is lost */
    CHECK(munmap(gone, 4096) == 0 && events(fd) == 0);
    close(fd);
}

static void *send_later(void *arg)
{
    nanosleep(&(struct timespec){0, 30000000}, NULL);
    CHECK(kill(getpid(), (int)(intptr_t)arg) == 0);
    return NULL;
}

static void waiting(void)
{
    sigset_t s = set_of(SIGUSR1, SIGRTMIN, SIGALRM);
    pthread_t t;
    CHECK(sigprocmask(SIG_BLOCK, &s, NULL) == 0);
    int fd = signalfd(-1, &s, 0), ep = epoll_create1(0);
    CHECK(pthread_create(&t, NULL, send_later, (void *)SIGUSR1) == 0);
    CHECK(read(fd, got, sizeof got) == (long)SIZE && got[0].ssi_signo == SIGUSR1);
    pthread_join(t, NULL);

    struct pollfd p = {fd, POLLIN, 0};
    CHECK(pthread_create(&t, NULL, send_later, (void *)SIGUSR1) == 0);
    CHECK(poll(&p, 1, -1) == 1 && p.revents == POLLIN);
    CHECK(read(fd, got, sizeof got) == (long)SIZE);
    pthread_join(t, NULL);

    struct epoll_event e = {.events = EPOLLIN, .data.fd = 7}, out[2];
    CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0 && epoll_wait(ep, out, 2, 0) == 0);
    CHECK(pthread_create(&t, NULL, send_later, (void *)SIGUSR1) == 0);
    CHECK(epoll_wait(ep, out, 2, -1) == 1 && out[0].data.fd == 7 && out[0].events == EPOLLIN);
    CHECK(read(fd, got, sizeof got) == (long)SIZE);
    pthread_join(t, NULL);
    CHECK(epoll_wait(ep, out, 2, 0) == 0);

    alarm(1);
    CHECK(read(fd, got, sizeof got) == (long)SIZE && got[0].ssi_signo == SIGALRM);
    CHECK(got[0].ssi_code == SI_KERNEL);
    close(fd);
    CHECK(epoll_wait(ep, out, 2, 0) == 0);
    close(ep);
}

static volatile sig_atomic_t handled;

static void handle(int sig)
{
    (void)sig;
    handled++;
}

/* Another signal, which is not blocked, ends the wait; one that is taken is not handled. */
static void interrupted(void)
{
    sigset_t s = set_of(SIGUSR1, SIGUSR1, SIGUSR1);
    struct sigaction a = {.sa_handler = handle};
    pthread_t t;
    sigset_t other = set_of(SIGUSR2, SIGUSR2, SIGUSR2);
    CHECK(sigaction(SIGUSR1, &a, NULL) == 0 && sigaction(SIGUSR2, &a, NULL) == 0);
    int fd = signalfd(-1, &s, 0);
    CHECK(sigprocmask(SIG_BLOCK, &other, NULL) == 0);
    CHECK(pthread_create(&t, NULL, send_later, (void *)SIGUSR2) == 0);
    CHECK(sigprocmask(SIG_UNBLOCK, &other, NULL) == 0);
    CHECK_ERROR(read(fd, got, sizeof got), EINTR);
    pthread_join(t, NULL);
    CHECK(handled == 1);
    CHECK(raise(SIGUSR1) == 0 && read(fd, got, sizeof got) == (long)SIZE && handled == 1);
    CHECK(sigprocmask(SIG_UNBLOCK, &s, NULL) == 0 && handled == 1);
    close(fd);
}

/* Each thread sees its own and the process's. */
static int shared_fd;

static void *own_signal(void *arg)
{
    (void)arg;
    CHECK(events(shared_fd) == 0);
    CHECK(pthread_kill(pthread_self(), SIGUSR1) == 0);
    CHECK(events(shared_fd) == POLLIN);
    CHECK(read(shared_fd, got, sizeof got) == (long)SIZE);
    return NULL;
}

static void threads(void)
{
    sigset_t s = set_of(SIGUSR1, SIGUSR1, SIGUSR1);
    pthread_t t;
    CHECK(sigprocmask(SIG_BLOCK, &s, NULL) == 0);
    shared_fd = signalfd(-1, &s, SFD_NONBLOCK);
    CHECK(raise(SIGUSR1) == 0 && events(shared_fd) == POLLIN);
    CHECK(pthread_create(&t, NULL, own_signal, NULL) == 0);
    pthread_join(t, NULL);
    CHECK(read(shared_fd, got, sizeof got) == (long)SIZE);
    close(shared_fd);
}

int main(void)
{
    errors();
    contents();
    waiting();
    interrupted();
    threads();
    return guest_result();
}
