/* SPDX-License-Identifier: MIT */
/*
 * Processes and threads at message queues: who waits and who is served, signals and kills
 * meanwhile, sums that come out exact, names that come and go.
 */

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include "guest_process.h"
#include "queues.h"

#define SIZE 64

static char data[8192];

/* ---- Waiting ---- */

struct job {
    int fd;
    unsigned priority;
    char text[SIZE];
};

static int send_job(void *arg)
{
    const struct job *j = arg;
    CHECK(q_send(j->fd, j->text, strlen(j->text), j->priority, NULL) == 0);
    return 0;
}

/* The exit code is the first byte of what was received. */
static int receive_job(void *arg)
{
    const struct job *j = arg;
    CHECK(q_receive(j->fd, data, SIZE, NULL, NULL) == 1);
    return data[0];
}

static int receive_nicely(void *arg)
{
    CHECK(nice(3) >= 0);
    return receive_job(arg);
}

static pid_t start_waiting(int (*body)(void *), struct job *j)
{
    pid_t pid = start(body, j);
    SOON(sleeps(pid));
    return pid;
}

/* Who has waited longest is served first, also if others have more to say. */
static void test_turns(void)
{
    struct job j = {q_new("t", 1, SIZE), 0, "0"};
    pid_t pid[3];
    unsigned priority;
    for (int i = 0; i < 3; i++)
        pid[i] = start_waiting(receive_job, &j);
    for (int i = 0; i < 3; i++)
        CHECK(q_send(j.fd, &"abc"[i], 1, (unsigned)i, NULL) == 0);
    CHECK(q_count(j.fd) == 0);
    for (int i = 0; i < 3; i++)
        CHECK_EXIT(status_of(pid[i]), "abc"[i]);

    CHECK(q_send(j.fd, "x", 1, 5, NULL) == 0);
    for (int i = 0; i < 3; i++) {
        j.priority = (unsigned)(i * 10);
        j.text[0] = "abc"[i];
        pid[i] = start_waiting(send_job, &j);
    }
    CHECK(q_count(j.fd) == 1);
    for (int i = 0; i < 4; i++) {
        CHECK(q_receive(j.fd, data, SIZE, &priority, NULL) == 1 && data[0] == "xabc"[i]);
        CHECK(priority == (i ? (unsigned)(i - 1) * 10 : 5));
        CHECK(q_count(j.fd) == (i < 3));
    }
    for (int i = 0; i < 3; i++)
        CHECK_EXIT(status_of(pid[i]), 0);

    /* Nicer ones let others go first. */
    for (int i = 0; i < 3; i++) {
        pid[i] = start_waiting(i == 1 ? receive_job : receive_nicely, &j);
    }
    for (int i = 0; i < 3; i++)
        CHECK(q_send(j.fd, &"123"[i], 1, 0, NULL) == 0);
    for (int i = 0; i < 3; i++)
        CHECK_EXIT(status_of(pid[i]), "213"[i]);

    /* Into a queue that is not empty then: the one that counts more goes first. */
    int two = q_new("two", 2, SIZE);
    CHECK(q_send(two, "l", 1, 1, NULL) == 0 && q_send(two, "m", 1, 2, NULL) == 0);
    j = (struct job){two, 9, "h"};
    pid[0] = start_waiting(send_job, &j);
    CHECK(q_receive(two, data, SIZE, NULL, NULL) == 1 && data[0] == 'm');
    CHECK(q_receive(two, data, SIZE, NULL, NULL) == 1 && data[0] == 'h');
    CHECK(q_receive(two, data, SIZE, NULL, NULL) == 1 && data[0] == 'l');
    CHECK_EXIT(status_of(pid[0]), 0);
    close(two);
    close(j.fd);
    CHECK(q_unlink("t") == 0 && q_unlink("two") == 0);
}

/* Killed ones take nothing and leave nothing. */
static void test_killed(void)
{
    struct job j = {q_new("k", 1, SIZE), 7, "dead"};
    for (int i = 0; i < 4; i++) {
        pid_t pid = start_waiting(receive_job, &j);
        CHECK(kill(pid, SIGKILL) == 0);
        CHECK_KILLED(status_of(pid), SIGKILL);
        CHECK(q_send(j.fd, "live", 4, 0, NULL) == 0 && q_count(j.fd) == 1);
        pid = start_waiting(send_job, &j);
        CHECK(kill(pid, SIGKILL) == 0);
        CHECK_KILLED(status_of(pid), SIGKILL);
        CHECK(q_receive(j.fd, data, SIZE, NULL, NULL) == 4 && memcmp(data, "live", 4) == 0);
        CHECK(q_count(j.fd) == 0);
    }
    CHECK(close(j.fd) == 0 && q_unlink("k") == 0);
}

/* ---- Signals ---- */

static volatile sig_atomic_t handled;

static void on_signal(int number)
{
    (void)number;
    handled++;
}

/* How a receiver or a sender, which has to wait, ends after a signal. */
struct interrupted {
    int fd, flags, sends, has_timeout;
    int ready[2];
};

static int wait_interrupted(void *arg)
{
    const struct interrupted *i = arg;
    struct sigaction a = {.sa_handler = on_signal, .sa_flags = i->flags};
    struct timespec until = in_ms(100000);
    sigaction(SIGUSR1, &a, NULL);
    CHECK(write(i->ready[1], "x", 1) == 1);
    errno = 0;
    long n = i->sends ? q_send(i->fd, "end", 3, 0, i->has_timeout ? &until : NULL)
                      : q_receive(i->fd, data, SIZE, NULL, i->has_timeout ? &until : NULL);
    CHECK(handled == 1);
    return n < 0 ? errno : 100 + (int)n;
}

static void test_interrupted(void)
{
    for (int n = 0; n < 8; n++) {
        struct interrupted i = {q_new("i", 1, SIZE), n & 1 ? SA_RESTART : 0, n & 2, n & 4, {0}};
        char c;
        CHECK(pipe(i.ready) == 0);
        if (i.sends)
            CHECK(q_send(i.fd, "full", 4, 0, NULL) == 0);
        pid_t pid = start(wait_interrupted, &i);
        CHECK(read(i.ready[0], &c, 1) == 1);
        SOON(sleeps(pid));
        CHECK(kill(pid, SIGUSR1) == 0);
        if (!(n & 1)) {
            CHECK_EXIT(status_of(pid), EINTR);
        } else {
            usleep(2000);
            SOON(sleeps(pid));
            if (i.sends)
                CHECK(q_receive(i.fd, data, SIZE, NULL, NULL) == 4);
            else
                CHECK(q_send(i.fd, "message", 7, 0, NULL) == 0);
            CHECK_EXIT(status_of(pid), i.sends ? 100 : 107);
        }
        close(i.ready[0]);
        close(i.ready[1]);
        CHECK(close(i.fd) == 0 && q_unlink("i") == 0);
    }
}

/* ---- Polling ---- */

static int poll_one(void *arg)
{
    const struct job *j = arg;
    struct pollfd p = {j->fd, j->priority ? POLLOUT : POLLIN, 0};
    CHECK(poll(&p, 1, -1) == 1 && p.revents == p.events);
    return 0;
}

static int epoll_one(void *arg)
{
    const struct job *j = arg;
    int ep = epoll_create1(0);
    struct epoll_event e = {.events = j->priority ? EPOLLOUT : EPOLLIN}, got;
    CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, j->fd, &e) == 0);
    CHECK(epoll_wait(ep, &got, 1, -1) == 1 && got.events == e.events);
    return 0;
}

static void test_poll(void)
{
    static int (*const bodies[])(void *) = {poll_one, epoll_one};
    struct job j = {q_new("p", 1, SIZE), 0, ""};
    for (int i = 0; i < 2; i++) {
        j.priority = 0;
        pid_t pid = start_waiting(bodies[i], &j);
        CHECK(q_send(j.fd, "x", 1, 0, NULL) == 0);
        CHECK_EXIT(status_of(pid), 0);
        j.priority = 1;
        pid = start_waiting(bodies[i], &j);
        CHECK(q_receive(j.fd, data, SIZE, NULL, NULL) == 1);
        CHECK_EXIT(status_of(pid), 0);
    }
    CHECK(close(j.fd) == 0 && q_unlink("p") == 0);
}

/* ---- Sums ---- */

#define SENDERS 4

struct letter {
    uint32_t sender, number, value;
};

struct sum {
    uint64_t count, sum, disorder;
};

static long letters;

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static uint64_t send_letters(int fd, uint32_t sender)
{
    uint32_t state = sender * 77 + 5;
    uint64_t sum = 0;
    for (long n = 0; n < letters; n++) {
        struct letter l = {sender, (uint32_t)n, next_random(&state)};
        CHECK(q_send(fd, &l, sizeof l, next_random(&state) % 3 * 16000, NULL) == 0);
        sum += l.value;
    }
    return sum;
}

/* Until one comes that is empty; of one sender and priority they come in the order of sending. */
static struct sum receive_letters(int fd)
{
    int64_t last[SENDERS][3];
    struct sum s = {0};
    struct letter l;
    unsigned priority;
    char buffer[SIZE];
    memset(last, 0xff, sizeof last);
    for (;;) {
        ssize_t n = q_receive(fd, buffer, SIZE, &priority, NULL);
        if (n != sizeof l) {
            CHECK(n == 0);
            return s;
        }
        memcpy(&l, buffer, sizeof l);
        s.count++;
        s.sum += l.value;
        s.disorder += l.number <= last[l.sender][priority / 16000];
        last[l.sender][priority / 16000] = l.number;
    }
}

struct party {
    int fd, results;
    uint32_t sender;
};

static int sender(void *arg)
{
    const struct party *p = arg;
    uint64_t sum = send_letters(p->fd, p->sender);
    CHECK(q_send(p->results, &sum, sizeof sum, 1, NULL) == 0);
    return 0;
}

static int receiver(void *arg)
{
    const struct party *p = arg;
    struct sum s = receive_letters(p->fd);
    CHECK(q_send(p->results, &s, sizeof s, 2, NULL) == 0);
    return 0;
}

static void *sender_thread(void *arg)
{
    sender(arg);
    return NULL;
}

static void *receiver_thread(void *arg)
{
    receiver(arg);
    return NULL;
}

/* All that was sent has come, once each. */
static void check_results(int fd, int results, int senders, int receivers)
{
    uint64_t sent = 0, sum;
    struct sum all = {0}, s;
    for (int i = 0; i < senders; i++) {
        CHECK(q_receive(results, data, SIZE, NULL, NULL) == sizeof sum);
        memcpy(&sum, data, sizeof sum);
        sent += sum;
    }
    for (int i = 0; i < receivers; i++) /* below all others: it comes when they are gone */
        CHECK(q_send(fd, "", 0, 0, NULL) == 0);
    for (int i = 0; i < receivers; i++) {
        CHECK(q_receive(results, data, SIZE, NULL, NULL) == sizeof s);
        memcpy(&s, data, sizeof s);
        all.count += s.count;
        all.sum += s.sum;
        all.disorder += s.disorder;
    }
    CHECK(all.count == (uint64_t)(senders * letters) && all.sum == sent && all.disorder == 0);
    CHECK(q_count(fd) == 0);
}

static void test_processes(int senders, int receivers, long depth)
{
    struct party p = {q_new("letters", depth, SIZE), q_new("results", 10, SIZE), 0};
    pid_t pid[8];
    int n = 0;
    for (; n < receivers; n++)
        pid[n] = start(receiver, &p);
    for (; p.sender < (uint32_t)senders; p.sender++)
        pid[n++] = start(sender, &p);
    check_results(p.fd, p.results, senders, receivers);
    while (n-- > 0)
        CHECK_EXIT(status_of(pid[n]), 0);
    CHECK(close(p.fd) == 0 && close(p.results) == 0);
    CHECK(q_unlink("letters") == 0 && q_unlink("results") == 0);
}

static void test_threads(int senders, int receivers, long depth)
{
    struct party p[SENDERS], first = {q_new("letters", depth, SIZE), q_new("results", 10, SIZE), 0};
    pthread_t threads[8];
    int n = 0;
    for (; n < receivers; n++)
        CHECK(pthread_create(&threads[n], NULL, receiver_thread, &first) == 0);
    for (int i = 0; i < senders; i++) {
        p[i] = first;
        p[i].sender = (uint32_t)i;
        CHECK(pthread_create(&threads[n++], NULL, sender_thread, &p[i]) == 0);
    }
    check_results(first.fd, first.results, senders, receivers);
    while (n-- > 0)
        CHECK(pthread_join(threads[n], NULL) == 0);
    CHECK(close(first.fd) == 0 && close(first.results) == 0);
    CHECK(q_unlink("letters") == 0 && q_unlink("results") == 0);
}

/* ---- Names that come and go ---- */

static int race(void *arg)
{
    const int *which = arg;
    struct sigevent none = {.sigev_notify = SIGEV_NONE};
    for (long i = guest_count(500, 20000); i > 0; i--) {
        struct mq_attr attr = {.mq_maxmsg = 1 + i % 3, .mq_msgsize = 1 + i % 7};
        int fd = q_open("race", O_CREAT | O_RDWR | O_NONBLOCK, 0600, &attr);
        CHECK(fd >= 0);
        if (q_send(fd, which, 1, 0, NULL) < 0)
            CHECK(errno == EAGAIN);
        if (q_notify(fd, &none) < 0)
            CHECK(errno == EBUSY);
        if (q_receive(fd, data, SIZE, NULL, NULL) < 0)
            CHECK(errno == EAGAIN);
        if (i % 2 && q_unlink("race") < 0)
            CHECK(errno == ENOENT);
        CHECK(close(fd) == 0);
    }
    return 0;
}

static int opens_deep(const char *name)
{
    int fd = q_open(name, O_CREAT | O_RDWR, 0600, NULL);
    CHECK(q_unlink(name) == 0);
    return fd;
}

static void test_races(void)
{
    pid_t pid[4];
    int which[4], fds[9];
    for (int i = 0; i < 4; i++) {
        which[i] = i;
        pid[i] = start(race, &which[i]);
    }
    for (int i = 0; i < 4; i++)
        CHECK_EXIT(status_of(pid[i]), 0);
    if (q_unlink("race") < 0)
        CHECK(errno == ENOENT);
    /* Nothing is left that counts. */
    for (int i = 0; i < 9; i++)
        CHECK((fds[i] = opens_deep("deep")) >= 0);
    for (int i = 0; i < 9; i++)
        CHECK(close(fds[i]) == 0);
}

/* A process is killed at any moment, with others at work. */
static void test_kill_at_work(void)
{
    struct party p = {q_new("work", 3, SIZE), q_new("results", 10, SIZE), 0};
    for (long i = guest_count(10, 200); i > 0; i--) {
        pid_t a = start(sender, &p), b = start(receiver, &p);
        usleep((useconds_t)(i * 331 % 3000));
        CHECK(kill(a, SIGKILL) == 0 && kill(b, SIGKILL) == 0);
        status_of(a);
        status_of(b);
        struct timespec past = in_ms(-1000);
        while (q_receive(p.fd, data, SIZE, NULL, &past) >= 0)
            ;
        CHECK(errno == ETIMEDOUT && q_count(p.fd) == 0);
        while (q_receive(p.results, data, SIZE, NULL, &past) >= 0)
            ;
    }
    CHECK(close(p.fd) == 0 && close(p.results) == 0);
    CHECK(q_unlink("work") == 0 && q_unlink("results") == 0);
}

int main(void)
{
    queues_begin();
    letters = guest_count(1000, 50000);
    test_turns();
    test_killed();
    test_interrupted();
    test_poll();
    test_processes(2, 2, 3);
    test_processes(4, 1, 10);
    test_processes(1, 3, 1);
    test_threads(4, 4, 2);
    test_threads(1, 1, 1);
    test_races();
    test_kill_at_work();
    return guest_result();
}
