/* SPDX-License-Identifier: MIT */
/* AF_UNIX sockets with poll, select and epoll; waits, and signals that interrupt them. */

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>

#include "unix_sockets.h"

static void states(int type)
{
    int fds[2];
    char buf[8];
    int fd = socket_of(type);
    CHECK(polled(fd) == (POLLOUT | POLLHUP));
    CHECK(bind_to(fd, "@poll") == 0 && listen(fd, 1) == 0);
    CHECK(polled(fd) == 0);
    int client = socket_of(type);
    CHECK(connect_to(client, "@poll") == 0);
    CHECK(polled(fd) == POLLIN && polled(client) == POLLOUT);
    int end = accept(fd, NULL, NULL);
    CHECK(polled(fd) == 0 && polled(end) == POLLOUT);
    close(end);
    CHECK(polled(client) == (POLLIN | POLLOUT | POLLHUP | POLLRDHUP));
    close(client);
    close(fd);

    pair_of(type, fds);
    CHECK(polled(fds[0]) == POLLOUT && polled(fds[1]) == POLLOUT);
    CHECK(write(fds[0], "x", 1) == 1);
    CHECK(polled(fds[1]) == (POLLIN | POLLOUT));
    CHECK(shutdown(fds[0], SHUT_WR) == 0);
    CHECK(polled(fds[0]) == POLLOUT);
    CHECK(polled(fds[1]) == (POLLIN | POLLOUT | POLLRDHUP));
    CHECK(read(fds[1], buf, 8) == 1);
    CHECK(polled(fds[1]) == (POLLIN | POLLOUT | POLLRDHUP));
    CHECK(shutdown(fds[0], SHUT_RD) == 0);
    CHECK(polled(fds[0]) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP));
    CHECK(polled(fds[1]) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP));
    close_both(fds);

    pair_of(type, fds);
    CHECK(write(fds[0], "lost", 4) == 4);
    close(fds[1]);
    CHECK(polled(fds[0]) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR));
    CHECK_ERROR(read(fds[0], buf, 8), ECONNRESET);
    CHECK(polled(fds[0]) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP));
    close(fds[0]);
}

struct later {
    int fd;
    const char *text; /* NULL: shut it down */
};

static void *do_later(void *arg)
{
    struct later *l = arg;
    usleep(30000);
    if (l->text)
        CHECK(write(l->fd, l->text, strlen(l->text)) > 0);
    else
        CHECK(shutdown(l->fd, SHUT_RDWR) == 0);
    return NULL;
}

/* Each kind of wait is ended by data and by the other end's going. */
static void wakes(int type)
{
    static const char *const texts[] = {"data", NULL};
    for (int i = 0; i < 8; i++) {
        int fds[2];
        char buf[8];
        pthread_t thread;
        pair_of(type, fds);
        struct later later = {fds[0], texts[i % 2]};
        struct pollfd p = {fds[1], POLLIN, 0};
        struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP};
        fd_set set;
        int epfd = epoll_create1(0), bits = POLLIN | (i % 2 ? POLLHUP : 0);
        CHECK(epoll_ctl(epfd, EPOLL_CTL_ADD, fds[1], &e) == 0);
        CHECK(pthread_create(&thread, NULL, do_later, &later) == 0);
        switch (i / 2) {
        case 0:
            CHECK(poll(&p, 1, 5000) == 1 && p.revents == bits);
            break;
        case 1:
            FD_ZERO(&set);
            FD_SET(fds[1], &set);
            CHECK(select(fds[1] + 1, &set, NULL, NULL, NULL) == 1 && FD_ISSET(fds[1], &set));
            break;
        case 2:
            CHECK(epoll_wait(epfd, &e, 1, 5000) == 1);
            CHECK(e.events == (uint32_t)(i % 2 ? bits | EPOLLRDHUP : bits));
            break;
        default:
            CHECK(read(fds[1], buf, 8) == (i % 2 ? 0 : 4));
        }
        pthread_join(thread, NULL);
        close(epfd);
        close_both(fds);
    }
}

static void edges(void)
{
    int fds[2], epfd = epoll_create1(0);
    char buf[8];
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    pair_of(SOCK_STREAM | SOCK_NONBLOCK, fds);
    CHECK(epoll_ctl(epfd, EPOLL_CTL_ADD, fds[1], &e) == 0);
    CHECK(epoll_wait(epfd, &e, 1, 0) == 1 && e.events == EPOLLOUT);
    CHECK(epoll_wait(epfd, &e, 1, 0) == 0);
    CHECK(write(fds[0], "ab", 2) == 2);
    CHECK(epoll_wait(epfd, &e, 1, 0) == 1 && e.events == (EPOLLIN | EPOLLOUT));
    CHECK(epoll_wait(epfd, &e, 1, 0) == 0);
    CHECK(read(fds[1], buf, 1) == 1);
    CHECK(epoll_wait(epfd, &e, 1, 0) == 0);
    CHECK(write(fds[0], "c", 1) == 1);
    CHECK(epoll_wait(epfd, &e, 1, 0) == 1);
    CHECK(read(fds[1], buf, 8) == 2);
    while (write(fds[1], "fill the queue", 14) > 0)
        ;
    CHECK(epoll_wait(epfd, &e, 1, 0) == 0);
    while (read(fds[0], buf, 8) > 0)
        ;
    CHECK(epoll_wait(epfd, &e, 1, 0) == 1 && e.events == EPOLLOUT);
    CHECK(shutdown(fds[0], SHUT_WR) == 0);
    CHECK(epoll_wait(epfd, &e, 1, 0) == 1 && e.events == (EPOLLIN | EPOLLOUT | EPOLLRDHUP));
    CHECK(epoll_wait(epfd, &e, 1, 0) == 0);
    close(fds[0]);
    CHECK(epoll_wait(epfd, &e, 1, 0) == 1);
    CHECK(e.events == (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP));
    close(fds[1]);
    CHECK(epoll_wait(epfd, &e, 1, 0) == 0);
    close(epfd);
}

static void *take_all(void *arg)
{
    int fd = *(int *)arg;
    char buf[4096];
    usleep(30000);
    while (recv(fd, buf, sizeof buf, MSG_DONTWAIT) > 0)
        ;
    return NULL;
}

/* A writer whose socket is full goes on when there is room. */
static void room(void)
{
    int fds[2];
    static char buf[60000];
    pthread_t thread;
    pair_of(SOCK_STREAM, fds);
    while (send(fds[0], buf, sizeof buf, MSG_DONTWAIT) > 0)
        ;
    CHECK(pthread_create(&thread, NULL, take_all, &fds[1]) == 0);
    struct pollfd p = {fds[0], POLLOUT, 0};
    CHECK(poll(&p, 1, 5000) == 1 && p.revents == POLLOUT);
    pthread_join(thread, NULL);
    while (send(fds[0], buf, sizeof buf, MSG_DONTWAIT) > 0)
        ;
    CHECK(pthread_create(&thread, NULL, take_all, &fds[1]) == 0);
    CHECK(send(fds[0], buf, 1000, 0) == 1000);
    pthread_join(thread, NULL);
    struct timeval tv = {0, 20000};
    CHECK(setsockopt(fds[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) == 0);
    while (send(fds[0], buf, sizeof buf, MSG_DONTWAIT) > 0)
        ;
    CHECK_ERROR(send(fds[0], buf, 1000, 0), EAGAIN);
    CHECK(setsockopt(fds[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) == 0);
    take_all(&fds[1]);
    CHECK_ERROR(recv(fds[1], buf, 8, 0), EAGAIN);
    close_both(fds);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
    (void)sig;
    alarms++;
}

static void alarm_in(long us, int flags)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = flags};
    struct itimerval timer = {{0, 0}, {0, us}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void interrupted(void)
{
    int fds[2], server = listen_at(SOCK_STREAM, "@interrupted", 1);
    char buf[8];
    pthread_t thread;
    pair_of(SOCK_STREAM, fds);
    alarm_in(20000, 0);
    CHECK_ERROR(read(fds[1], buf, 8), EINTR);
    alarm_in(20000, 0);
    CHECK_ERROR(accept(server, NULL, NULL), EINTR);
    alarm_in(20000, 0);
    CHECK_ERROR(recv(fds[1], buf, 8, 0), EINTR);
    struct later later = {fds[0], "data"};
    alarms = 0;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &set, NULL); /* the thread does not take it */
    CHECK(pthread_create(&thread, NULL, do_later, &later) == 0);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    alarm_in(10000, SA_RESTART);
    CHECK(read(fds[1], buf, 8) == 4 && alarms == 1); /* it is begun again */
    pthread_join(thread, NULL);
    struct timeval tv = {5, 0}; /* but not with a timeout */
    CHECK(setsockopt(fds[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) == 0);
    alarm_in(20000, SA_RESTART);
    CHECK_ERROR(read(fds[1], buf, 8), EINTR);
    alarm_in(20000, SA_RESTART);
    CHECK_ERROR(recv(fds[1], buf, 8, 0), EINTR);
    CHECK(write(fds[0], "ab", 2) == 2);
    alarm_in(20000, 0);
    CHECK(recv(fds[1], buf, 8, MSG_WAITALL) == 2); /* what has come counts */
    close_both(fds);
    close(server);
}

static void *accept_one(void *arg)
{
    int fd = accept(*(int *)arg, NULL, NULL);
    CHECK(fd >= 0);
    CHECK(write(fd, "hi", 2) == 2);
    close(fd);
    return NULL;
}

/* Several wait at one socket: each connection goes to one of them. */
static void many_accept(void)
{
    int server = listen_at(SOCK_STREAM, "@many", 8);
    pthread_t threads[4];
    char buf[8];
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, accept_one, &server) == 0);
    usleep(20000);
    for (int i = 0; i < 4; i++) {
        int fd = socket_of(SOCK_STREAM);
        CHECK(connect_to(fd, "@many") == 0);
        CHECK(read(fd, buf, 8) == 2 && read(fd, buf, 8) == 0);
        close(fd);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    close(server);
}

int main(void)
{
    states(SOCK_STREAM);
    states(SOCK_SEQPACKET);
    wakes(SOCK_STREAM);
    wakes(SOCK_SEQPACKET);
    edges();
    room();
    interrupted();
    many_accept();
    return guest_result();
}
