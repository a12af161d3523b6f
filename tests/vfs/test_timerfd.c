/* SPDX-License-Identifier: MIT */
/* Timers that are files. */

#include "vfs/timerfd.h"

#include "lx/poll.h"
#include "lx/time.h"
#include "sleeper.h"
#include "vfs/event.h"
#include "vfs/file.h"

static struct vfs_file *new_timer(uint32_t flags)
{
    struct vfs_file *f;
    assert_int_equal(vfs_timerfd_new(LX_CLOCK_MONOTONIC, flags, &f), 0);
    return f;
}

static int64_t take(struct vfs_file *f)
{
    uint64_t value;
    int64_t n = vfs_file_read(f, &value, sizeof value, sleeper(0));
    return n < 0 ? n : (int64_t)value;
}

static void counts_from_the_clock(void **state)
{
    (void)state;
    struct vfs_file *f = new_timer(LX_O_NONBLOCK);
    struct vfs_timerfd_setting s;
    assert_int_equal(vfs_timerfd_clock(f), LX_CLOCK_MONOTONIC);
    assert_int_equal(take(f), -LX_EAGAIN);
    assert_true(vfs_file_deadline(f) == PLAT_FOREVER);
    assert_int_equal(vfs_file_poll(f, LX_POLLIN | LX_POLLOUT), 0);

    /* It expired 10 hours ago and every hour since, which nobody saw. */
    uint64_t hour = 3600 * 1000 * MILLISECOND_NS;
    int64_t now = deadline_in(0);
    vfs_timerfd_set(f, now > 10 * (int64_t)hour ? now - 10 * (int64_t)hour : 1, hour, &s);
    assert_true(s.left_ns == 0 && s.interval_ns == 0);
    assert_true(vfs_file_deadline(f) <= now);
    assert_int_equal(vfs_file_poll(f, LX_POLLIN | LX_POLLOUT), LX_POLLIN);
    assert_true(vfs_file_deadline(f) == PLAT_FOREVER); /* until it is asked what it counted */
    int64_t want = now > 10 * (int64_t)hour ? 11 : now / (int64_t)hour + 1;
    assert_int_equal(take(f), want);
    assert_int_equal(take(f), -LX_EAGAIN);
    assert_true(vfs_file_deadline(f) > now);
    vfs_timerfd_get(f, &s);
    assert_true(s.left_ns > 0 && s.left_ns <= hour && s.interval_ns == hour);

    vfs_timerfd_set(f, 0, 5, &s);
    assert_int_equal(s.interval_ns, hour);
    vfs_timerfd_get(f, &s);
    assert_true(s.left_ns == 0 && s.interval_ns == 5);

    /* The end of time. */
    vfs_timerfd_set(f, 1, INT64_MAX, NULL);
    assert_int_equal(take(f), 1);
    assert_true(vfs_file_deadline(f) > now);
    vfs_timerfd_set(f, PLAT_FOREVER, 1, NULL);
    assert_int_equal(take(f), -LX_EAGAIN);
    vfs_file_put(f);
}

static void set_later(void *arg)
{
    plat_thread_yield(20 * MILLISECOND_NS);
    vfs_timerfd_set(arg, deadline_in(5 * MILLISECOND_NS), 0, NULL);
}

static void readers_sleep_until_then(void **state)
{
    (void)state;
    struct vfs_file *f = new_timer(0);
    int64_t at = deadline_in(10 * MILLISECOND_NS);
    vfs_timerfd_set(f, at, 0, NULL);
    assert_int_equal(take(f), 1);
    assert_true(deadline_in(0) >= at);
    struct plat_worker *w = start(set_later, f); /* not armed: it is woken to look again */
    assert_int_equal(take(f), 1);
    plat_worker_join(w);
    vfs_timerfd_set(f, deadline_in(3600 * 1000 * MILLISECOND_NS), 0, NULL);
    w = start(set_later, f);
    assert_int_equal(take(f), 1);
    plat_worker_join(w);
    vfs_file_put(f);
}

static int wait_in(struct vfs_file *ep, int64_t ms)
{
    struct lx_epoll_event e;
    int64_t until = ms < 0 ? PLAT_FOREVER : ms ? deadline_in((uint64_t)ms * MILLISECOND_NS) : 0;
    return vfs_epoll_wait(ep, &e, 1, vfs_epoll_turn(ep), until, sleeper(0));
}

/* The epoll's own deadline and the timer's, through one that is nested, and with edges. */
static void epolls_sleep_until_then(void **state)
{
    (void)state;
    static const uint32_t events[] = {LX_POLLIN, LX_POLLIN | LX_EPOLLET};
    for (uint32_t i = 0; i < 2; i++) {
        struct vfs_file *f = new_timer(LX_O_NONBLOCK), *inner, *outer;
        struct lx_epoll_event e = {events[i], 0};
        assert_int_equal(vfs_epoll_new(&inner), 0);
        assert_int_equal(vfs_epoll_new(&outer), 0);
        assert_int_equal(vfs_epoll_control(inner, LX_EPOLL_CTL_ADD, 3, f, &e), 0);
        assert_int_equal(vfs_epoll_control(outer, LX_EPOLL_CTL_ADD, 4, inner, &e), 0);
        assert_int_equal(wait_in(outer, 0), 0);
        vfs_timerfd_set(f, deadline_in(3600 * 1000 * MILLISECOND_NS), 0, NULL);
        assert_true(vfs_file_deadline(outer) == vfs_file_deadline(f));
        assert_int_equal(wait_in(outer, 2), 0);
        vfs_timerfd_set(f, deadline_in(5 * MILLISECOND_NS), 0, NULL);
        assert_int_equal(wait_in(outer, -1), 1);
        assert_int_equal(wait_in(inner, -1), 1);
        assert_int_equal(wait_in(inner, 0), !i); /* an edge is reported once */
        assert_int_equal(take(f), 1);
        struct plat_worker *w = start(set_later, f);
        assert_int_equal(wait_in(outer, -1), 1);
        plat_worker_join(w);
        vfs_file_put(outer);
        vfs_file_put(inner);
        vfs_file_put(f);
    }
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        tidy_test(counts_from_the_clock),
        tidy_test(readers_sleep_until_then),
        tidy_test(epolls_sleep_until_then),
    };
    return cmocka_run_group_tests(tests, mount_empty, NULL);
}
