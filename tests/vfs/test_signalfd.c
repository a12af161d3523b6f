/* SPDX-License-Identifier: MIT */
/* Signals as files, over a provider that has what the test says. */

#include "vfs/signalfd.h"

#include "lx/poll.h"
#include "sleeper.h"
#include "vfs/event.h"
#include "vfs/file.h"

static struct lx_siginfo g_queue[8];
static _Atomic uint32_t g_first, g_end;
static struct core_waitq *g_waitq;

static int pending(uint64_t wanted)
{
    return g_first < g_end && wanted >> (g_queue[g_first].si_signo - 1) & 1;
}

static uint32_t take(uint64_t wanted, struct lx_siginfo *info)
{
    if (!pending(wanted))
        return 0;
    *info = g_queue[g_first++];
    return (uint32_t)info->si_signo;
}

static struct core_waitq *waitq(void)
{
    return g_waitq;
}

static void queue(const struct lx_siginfo *info)
{
    g_queue[g_end] = *info;
    g_end++;
    core_waitq_wake(g_waitq, LX_POLLIN, UINT32_MAX);
}

static int provide(void **state)
{
    static const struct vfs_signal_provider provider = {pending, take, waitq, NULL, NULL};
    mount_empty(state);
    g_waitq = core_arena_alloc(sizeof *g_waitq);
    if (!g_waitq)
        return -1;
    core_waitq_init(g_waitq);
    vfs_signalfd_provide(&provider);
    return 0;
}

static struct vfs_file *new_signalfd(uint64_t set, uint32_t flags)
{
    struct vfs_file *f;
    g_first = g_end = 0;
    assert_int_equal(vfs_signalfd_new(set, flags, &f), 0);
    return f;
}

#define BIT(sig) (1ull << ((sig)-1))

static void members_depend_on_the_origin(void **state)
{
    (void)state;
    struct lx_signalfd_siginfo s[4];
    struct vfs_file *f = new_signalfd(~0ull, LX_O_NONBLOCK);
    assert_int_equal(vfs_file_read(f, s, sizeof s, sleeper(0)), -LX_EAGAIN);
    assert_int_equal(vfs_file_read(f, s, sizeof *s - 1, sleeper(0)), -LX_EINVAL);
    queue(&(struct lx_siginfo){.si_signo = LX_SIGUSR1, .si_pid = 5, .si_uid = 6});
    queue(&(struct lx_siginfo){
        .si_signo = 40, .si_code = LX_SI_QUEUE, .si_pid = 7, .si_value = 0x1122334455667788});
    queue(&(struct lx_siginfo){.si_signo = LX_SIGCHLD,
                               .si_code = LX_CLD_EXITED,
                               .si_pid = 8,
                               .si_status = 3,
                               .si_utime = 4,
                               .si_stime = 5});
    queue(&(struct lx_siginfo){
        .si_signo = LX_SIGSEGV, .si_code = LX_SEGV_MAPERR, .si_addr = 0x123456789});
    queue(&(struct lx_siginfo){
        .si_signo = LX_SIGIO, .si_code = LX_POLL_IN, .si_band = 1, .si_fd = 9});
    assert_int_equal(vfs_file_read(f, s, sizeof s, sleeper(0)), sizeof s);
    assert_int_equal(s[0].ssi_signo, LX_SIGUSR1);
    assert_int_equal(s[0].ssi_pid, 5);
    assert_int_equal(s[0].ssi_uid, 6);
    assert_int_equal(s[1].ssi_ptr, 0x1122334455667788);
    assert_int_equal(s[1].ssi_int, 0x55667788);
    assert_int_equal(s[2].ssi_status, 3);
    assert_int_equal(s[2].ssi_utime, 4);
    assert_int_equal(s[2].ssi_stime, 5);
    assert_int_equal(s[3].ssi_addr, 0x123456789);
    assert_int_equal(s[3].ssi_pid, 0);
    assert_int_equal(vfs_file_read(f, s, sizeof s, sleeper(0)), sizeof *s);
    assert_int_equal(s[0].ssi_fd, 9);
    assert_int_equal(s[0].ssi_band, 1);
    vfs_file_put(f);
}

static void only_what_is_in_the_set(void **state)
{
    (void)state;
    struct lx_signalfd_siginfo s;
    struct vfs_file *f = new_signalfd(BIT(LX_SIGUSR1), LX_O_NONBLOCK);
    queue(&(struct lx_siginfo){.si_signo = LX_SIGUSR2});
    assert_int_equal(vfs_file_poll(f, LX_POLLIN | LX_POLLOUT), 0);
    assert_int_equal(vfs_file_read(f, &s, sizeof s, sleeper(0)), -LX_EAGAIN);
    vfs_signalfd_set(f, BIT(LX_SIGUSR2));
    assert_int_equal(vfs_file_poll(f, LX_POLLIN | LX_POLLOUT), LX_POLLIN);
    assert_int_equal(vfs_file_read(f, &s, sizeof s, sleeper(0)), sizeof s);
    assert_int_equal(vfs_file_write(f, &s, sizeof s, sleeper(0)), -LX_EINVAL);
    assert_int_equal(vfs_file_seek(f, 5, LX_SEEK_SET), 0);
    assert_int_equal(vfs_file_pread(f, &s, sizeof s, 0), -LX_ESPIPE);
    vfs_file_put(f);
}

static void queue_later(void *arg)
{
    plat_thread_yield(20 * MILLISECOND_NS);
    queue(arg);
}

static void waits_are_woken(void **state)
{
    (void)state;
    struct lx_signalfd_siginfo s;
    struct lx_siginfo info = {.si_signo = LX_SIGUSR1};
    struct vfs_file *f = new_signalfd(BIT(LX_SIGUSR1), 0), *epoll;
    struct plat_worker *w = start(queue_later, &info);
    assert_int_equal(vfs_file_read(f, &s, sizeof s, sleeper(0)), sizeof s);
    plat_worker_join(w);
    struct lx_epoll_event e = {LX_EPOLLIN, 4};
    assert_int_equal(vfs_epoll_new(&epoll), 0);
    assert_int_equal(vfs_epoll_control(epoll, LX_EPOLL_CTL_ADD, 3, f, &e), 0);
    assert_int_equal(vfs_epoll_wait(epoll, &e, 1, vfs_epoll_turn(epoll), 0, sleeper(0)), 0);
    w = start(queue_later, &info);
    assert_int_equal(vfs_epoll_wait(epoll, &e, 1, vfs_epoll_turn(epoll), PLAT_FOREVER, sleeper(0)),
                     1);
    plat_worker_join(w);
    assert_int_equal(e.data, 4);
    vfs_file_put(f); /* leaves the queue */
    queue(&info);
    vfs_file_put(epoll);
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        tidy_test(members_depend_on_the_origin),
        tidy_test(only_what_is_in_the_set),
        tidy_test(waits_are_woken),
    };
    return cmocka_run_group_tests(tests, provide, NULL);
}
