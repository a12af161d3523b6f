/* SPDX-License-Identifier: MIT */
/* Internet sockets that several threads and processes use, connect and end at the same time. */

#include <pthread.h>

#include "guest_process.h"
#include "inet_sockets.h"

#define SOCKETS 6

static int sockets[SOCKETS], servers[2], ports[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what the numbers mean */

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void replace(int *at, int fd)
{
    pthread_mutex_lock(&lock);
    int old = *at;
    *at = fd;
    pthread_mutex_unlock(&lock);
    close(old);
}

/* Anything at any time: only that it goes on matters. */
static void *disturb(void *arg)
{
    uint32_t seed = (uint32_t)(uintptr_t)arg;
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    static const struct linger reset = {1, 0};
    static char big[100000];
    char buf[256];
    for (long i = 0; i < guest_count(3000, 100000); i++) {
        int *at = &sockets[next(&seed) % SOCKETS], fd = *at, other;
        switch (next(&seed) % 14) {
        case 0:
            replace(at, socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
            break;
        case 1:
        case 2:
            connect_to(fd, "127.0.0.1", ports[next(&seed) % 2]);
            break;
        case 3:
        case 4:
            other = accept4(servers[next(&seed) % 2], NULL, NULL, SOCK_NONBLOCK);
            if (other >= 0)
                replace(at, other);
            break;
        case 5:
            shutdown(fd, (int)(next(&seed) % 3));
            break;
        case 6:
            connect(fd, &none, sizeof none);
            break;
        case 7:
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            break;
        case 8:
            send(fd, big, next(&seed) % sizeof big, MSG_DONTWAIT | (seed % 5 ? 0 : MSG_OOB));
            break;
        case 9:
            recv(fd, buf, sizeof buf, MSG_DONTWAIT | (seed % 5 ? 0 : MSG_PEEK));
            break;
        case 10:
            recv(fd, big, sizeof big, MSG_DONTWAIT | MSG_TRUNC);
            break;
        case 11:
            shutdown(servers[1], SHUT_RD);
            break;
        case 12:
            listen(servers[1], (int)(next(&seed) % 4));
            break;
        default: {
            struct pollfd p = {fd, POLLIN | POLLOUT, 0};
            poll(&p, 1, 0);
            union address a;
            socklen_t size = sizeof a;
            getpeername(fd, &a.any, &size);
        }
        }
    }
    return NULL;
}

static void disturbances(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 2; i++) {
        servers[i] = listen_at("127.0.0.1", i);
        ports[i] = port_of(servers[i]);
        CHECK(fcntl(servers[i], F_SETFL, O_NONBLOCK) == 0);
    }
    for (int i = 0; i < SOCKETS; i++)
        sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, disturb, (void *)(uintptr_t)(i + 1)) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < SOCKETS; i++)
        close(sockets[i]);
    close(servers[0]);
    close(servers[1]);
}

struct crowd {
    int port;
    long count;
};

static int come(void *arg)
{
    const struct crowd *c = arg;
    char buf[16];
    for (long i = 0; i < c->count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(connect_to(fd, "127.0.0.1", c->port) == 0);
        CHECK(write(fd, &i, sizeof i) == sizeof i && read(fd, buf, sizeof buf) == sizeof i);
        CHECK(memcmp(buf, &i, sizeof i) == 0 && read(fd, buf, sizeof buf) == 0);
        close(fd);
    }
    return 0;
}

static int answer(void *arg)
{
    char buf[16];
    for (;;) {
        int fd = accept(*(int *)arg, NULL, NULL);
        if (fd < 0)
            return 0;
        ssize_t n = read(fd, buf, sizeof buf);
        CHECK(n == sizeof(long) && write(fd, buf, (size_t)n) == n);
        close(fd);
    }
}

/* Many clients at a short line: each gets its own answer. */
static void crowds(void)
{
    int server = listen_at("127.0.0.1", 128), pids[6];
    struct crowd c = {port_of(server), guest_count(100, 3000)};
    for (int i = 0; i < 2; i++)
        pids[i] = start(answer, &server);
    for (int i = 2; i < 6; i++)
        pids[i] = start(come, &c);
    for (int i = 2; i < 6; i++)
        CHECK_EXIT(status_of(pids[i]), 0);
    CHECK(shutdown(server, SHUT_RD) == 0); /* who waits there is told */
    for (int i = 0; i < 2; i++)
        CHECK_EXIT(status_of(pids[i]), 0);
    close(server);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    disturbances();
    crowds();
    return guest_result();
}
