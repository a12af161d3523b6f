/* SPDX-License-Identifier: MIT */
/* Internet sockets with poll, select and epoll; connections in the making; waits and signals. */

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>

#include "inet_sockets.h"

static void show_events(const char *what, int epfd)
{
    struct epoll_event e;
    int n = epoll_wait(epfd, &e, 1, 0);
    printf("%s: %d %#x\n", what, n, n == 1 ? e.events : 0);
}

/* connect(2) that does not wait. */
static void in_progress(const char *text)
{
    int server = listen_at(text, 4), fd = socket(family_of(text), SOCK_STREAM | SOCK_NONBLOCK, 0);
    char buf[8];
    SHOW(connect_to(fd, text, port_of(server)));
    settle();
    show_poll("connected", fd);
    show_error("connected", fd);
    SHOW(recv(fd, buf, 8, 0));
    SHOW(connect_to(fd, text, port_of(server)));
    SHOW(connect_to(fd, text, port_of(server)));
    SHOW(send(fd, "x", 1, 0));
    show_poll("server", server);
    close(fd);
    int other = socket_at(SOCK_STREAM, text), port = port_of(other); /* nobody listens there */
    fd = socket(family_of(text), SOCK_STREAM | SOCK_NONBLOCK, 0);
    int epfd = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    CHECK(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &e) == 0);
    show_events("new", epfd);
    SHOW(connect_to(fd, text, port));
    settle();
    show_events("refused", epfd);
    show_poll("refused", fd);
    SHOW(recv(fd, buf, 8, 0));
    SHOW(recv(fd, buf, 8, 0));
    SHOW(send(fd, "x", 1, 0));
    SHOW(connect_to(fd, text, port));
    SHOW(connect_to(fd, text, port));
    settle();
    SHOW(connect_to(fd, text, port));
    show_poll("refused", fd);
    SHOW(connect_to(fd, text, port_of(server)));
    settle();
    show_poll("connected", fd);
    close(epfd);
    close(fd);
    close(other);
    close(server);
}

/* Who finds the line full waits until somebody is accepted, or the listener goes. */
static void line(void)
{
    int server = listen_at("127.0.0.1", 1), fds[4];
    for (int i = 0; i < 4; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        SHOW(connect_to(fds[i], "127.0.0.1", port_of(server)));
    }
    settle();
    for (int i = 0; i < 4; i++)
        show_poll("in line", fds[i]);
    SHOW(connect_to(fds[2], "127.0.0.1", port_of(server)));
    show_names("in line", fds[2]);
    SHOW(send(fds[2], "x", 1, 0));
    SHOW(recv(fds[2], &(char){0}, 1, 0));
    int end = accept(server, NULL, NULL);
    CHECK(end >= 0);
    close(end);
    end = accept(server, NULL, NULL);
    CHECK(end >= 0);
    close(end);
    for (int i = 2; i < 4; i++) {
        struct pollfd p = {fds[i], POLLOUT, 0};
        CHECK(poll(&p, 1, 15000) == 1 && p.revents == POLLOUT);
        end = accept(server, NULL, NULL);
        CHECK(end >= 0);
        close(end);
    }
    close(server);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}

static void edges(void)
{
    int fds[2], epfd = epoll_create1(0);
    char buf[8];
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    connected_pair("127.0.0.1", fds);
    CHECK(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(fds[1], F_SETFL, O_NONBLOCK) == 0);
    CHECK(epoll_ctl(epfd, EPOLL_CTL_ADD, fds[1], &e) == 0);
    show_events("at first", epfd);
    show_events("again", epfd);
    CHECK(write(fds[0], "ab", 2) == 2);
    settle();
    show_events("written", epfd);
    show_events("again", epfd);
    CHECK(read(fds[1], buf, 1) == 1);
    show_events("one read", epfd);
    CHECK(write(fds[0], "c", 1) == 1);
    settle();
    show_events("written", epfd);
    CHECK(read(fds[1], buf, 8) == 2);
    CHECK(shutdown(fds[0], SHUT_WR) == 0);
    settle();
    show_events("shut", epfd);
    show_events("again", epfd);
    close(fds[0]);
    settle();
    CHECK(write(fds[1], "x", 1) == 1);
    settle();
    show_events("reset", epfd);
    close(fds[1]);
    show_events("closed", epfd);
    connected_pair("127.0.0.1", fds);
    e.events = EPOLLIN | EPOLLONESHOT;
    CHECK(epoll_ctl(epfd, EPOLL_CTL_ADD, fds[1], &e) == 0);
    CHECK(write(fds[0], "c", 1) == 1);
    settle();
    show_events("one shot", epfd);
    CHECK(write(fds[0], "c", 1) == 1);
    settle();
    show_events("one shot", epfd);
    CHECK(epoll_ctl(epfd, EPOLL_CTL_MOD, fds[1], &e) == 0);
    show_events("one more", epfd);
    close_both(fds);
    close(epfd);
}

static void *take_all(void *arg)
{
    static char buf[100000];
    usleep(30000);
    while (recv(*(int *)arg, buf, sizeof buf, MSG_DONTWAIT) > 0)
        usleep(200);
    return NULL;
}

static void fill(int fd)
{
    static char buf[100000];
    for (int i = 0; i < 3; i++) { /* Linux moves some to the other side */
        while (send(fd, buf, sizeof buf, MSG_DONTWAIT) > 0)
            ;
        CHECK(errno == EAGAIN);
        settle();
    }
}

/* A writer whose socket is full goes on when there is room. */
static void room(void)
{
    static char buf[1000];
    int fds[2], epfd = epoll_create1(0);
    pthread_t thread;
    struct epoll_event e = {.events = EPOLLOUT | EPOLLET};
    struct timeval tv = {0, 20000};
    connected_pair("127.0.0.1", fds);
    fill(fds[0]);
    show_poll("full", fds[0]);
    CHECK(epoll_ctl(epfd, EPOLL_CTL_ADD, fds[0], &e) == 0);
    show_events("full", epfd);
    CHECK(pthread_create(&thread, NULL, take_all, &fds[1]) == 0);
    struct pollfd p = {fds[0], POLLOUT, 0};
    CHECK(poll(&p, 1, 5000) == 1 && p.revents == POLLOUT);
    pthread_join(thread, NULL);
    show_events("room", epfd);
    fill(fds[0]);
    CHECK(pthread_create(&thread, NULL, take_all, &fds[1]) == 0);
    SHOW(send(fds[0], buf, 1000, 0));
    pthread_join(thread, NULL);
    CHECK(setsockopt(fds[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) == 0);
    fill(fds[0]);
    SHOW(send(fds[0], buf, 1000, 0));
    CHECK(setsockopt(fds[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) == 0);
    take_all(&fds[1]);
    settle();
    take_all(&fds[1]);
    SHOW(recv(fds[1], buf, 8, 0));
    close_both(fds);
    close(epfd);
}

static void low_water(void)
{
    int fds[2], low = 4;
    char buf[8];
    struct timeval tv = {0, 20000};
    connected_pair("127.0.0.1", fds);
    CHECK(setsockopt(fds[1], SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low) == 0);
    CHECK(setsockopt(fds[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) == 0);
    CHECK(write(fds[0], "ab", 2) == 2);
    settle();
    show_poll("two", fds[1]);
    SHOW(recv(fds[1], buf, 8, MSG_PEEK));
    SHOW(recv(fds[1], buf, 8, 0));
    CHECK(write(fds[0], "abcd", 4) == 4);
    settle();
    show_poll("four", fds[1]);
    SHOW(recv(fds[1], buf, 8, 0));
    SHOW(recv(fds[1], buf, 8, MSG_WAITALL));
    close_both(fds);
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
static void wakes(const char *text)
{
    static const char *const texts[] = {"data", NULL};
    for (int i = 0; i < 8; i++) {
        int fds[2];
        char buf[8];
        pthread_t thread;
        connected_pair(text, fds);
        struct later later = {fds[0], texts[i % 2]};
        struct pollfd p = {fds[1], POLLIN, 0};
        struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP};
        fd_set set;
        int epfd = epoll_create1(0);
        CHECK(epoll_ctl(epfd, EPOLL_CTL_ADD, fds[1], &e) == 0);
        CHECK(pthread_create(&thread, NULL, do_later, &later) == 0);
        switch (i / 2) {
        case 0:
            CHECK(poll(&p, 1, 5000) == 1 && p.revents == POLLIN);
            break;
        case 1:
            FD_ZERO(&set);
            FD_SET(fds[1], &set);
            CHECK(select(fds[1] + 1, &set, NULL, NULL, NULL) == 1 && FD_ISSET(fds[1], &set));
            break;
        case 2:
            CHECK(epoll_wait(epfd, &e, 1, 5000) == 1);
            CHECK(e.events == (uint32_t)(i % 2 ? EPOLLIN | EPOLLRDHUP : EPOLLIN));
            break;
        default:
            CHECK(read(fds[1], buf, 8) == (i % 2 ? 0 : 4));
        }
        pthread_join(thread, NULL);
        close(epfd);
        close_both(fds);
    }
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
    int fds[2], server = listen_at("127.0.0.1", 0), line[3];
    char buf[8];
    pthread_t thread;
    connected_pair("127.0.0.1", fds);
    alarm_in(20000, 0);
    SHOW(read(fds[1], buf, 8));
    alarm_in(20000, 0);
    SHOW(accept(server, NULL, NULL));
    for (int i = 0; i < 2; i++)
        line[i] = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect_to(line[0], "127.0.0.1", port_of(server)) == 0);
    alarm_in(20000, 0);
    SHOW(connect_to(line[1], "127.0.0.1", port_of(server)));
    alarm_in(20000, 0);
    SHOW(connect_to(line[1], "127.0.0.1", port_of(server)));
    struct timeval short_time = {0, 20000};
    CHECK(setsockopt(line[1], SOL_SOCKET, SO_SNDTIMEO, &short_time, sizeof short_time) == 0);
    SHOW(connect_to(line[1], "127.0.0.1", port_of(server)));
    line[2] = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(setsockopt(line[2], SOL_SOCKET, SO_SNDTIMEO, &short_time, sizeof short_time) == 0);
    SHOW(connect_to(line[2], "127.0.0.1", port_of(server)));
    SHOW(shutdown(line[2], SHUT_RDWR));
    show_poll("shut", line[2]);
    for (int i = 0; i < 3; i++)
        close(line[i]);
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
    SHOW(read(fds[1], buf, 8));
    CHECK(write(fds[0], "ab", 2) == 2);
    alarm_in(20000, 0);
    SHOW(recv(fds[1], buf, 8, MSG_WAITALL)); /* what has come counts */
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
    int server = listen_at("127.0.0.1", 8);
    pthread_t threads[4];
    char buf[8];
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, accept_one, &server) == 0);
    usleep(20000);
    for (int i = 0; i < 4; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(connect_to(fd, "127.0.0.1", port_of(server)) == 0);
        CHECK(read(fd, buf, 8) == 2 && read(fd, buf, 8) == 0);
        close(fd);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    close(server);
}

static void *shut_later(void *arg)
{
    usleep(20000);
    shutdown(*(int *)arg, SHUT_RDWR);
    return NULL;
}

/* Who waits at a listener that ends is told. */
static void stopped(void)
{
    int server = listen_at("127.0.0.1", 1);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, shut_later, &server) == 0);
    SHOW(accept(server, NULL, NULL));
    pthread_join(thread, NULL);
    show_poll("stopped", server);
    SHOW(accept(server, NULL, NULL));
    SHOW(listen(server, 1));
    show_poll("listening", server);
    close(server);
}

int main(void)
{
    signal(SIGPIPE, on_pipe);
    in_progress("127.0.0.1");
    in_progress("::1");
    line();
    edges();
    room();
    low_water();
    wakes("127.0.0.1");
    wakes("::1");
    interrupted();
    many_accept();
    stopped();
    return guest_result();
}
