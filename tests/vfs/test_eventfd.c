/* SPDX-License-Identifier: MIT */
/* Event counters. */

#include "lx/poll.h"
#include "sleeper.h"
#include "vfs/event.h"
#include "vfs/file.h"

#define MOST (UINT64_MAX - 1)

static struct vfs_file *new_event(uint64_t value, uint32_t flags)
{
    struct vfs_file *f;
    assert_int_equal(vfs_eventfd_new(value, flags, &f), 0);
    return f;
}

static int64_t give(struct vfs_file *f, uint64_t value)
{
    return vfs_file_write(f, &value, sizeof value, sleeper(0));
}

/* What a read finds, or its error. */
static int64_t take(struct vfs_file *f)
{
    uint64_t value;
    int64_t n = vfs_file_read(f, &value, sizeof value, sleeper(0));
    return n < 0 ? n : (int64_t)value;
}

static void counts_add_up(void **state)
{
    (void)state;
    struct vfs_file *f = new_event(3, LX_O_NONBLOCK);
    uint64_t value = 0;
    assert_int_equal(give(f, 4), 8);
    assert_int_equal(take(f), 7);
    assert_int_equal(take(f), -LX_EAGAIN);
    assert_int_equal(give(f, 0), 8);
    assert_int_equal(take(f), -LX_EAGAIN);
    assert_int_equal(vfs_file_read(f, &value, 7, sleeper(0)), -LX_EINVAL);
    assert_int_equal(vfs_file_write(f, &value, 7, sleeper(0)), -LX_EINVAL);
    vfs_file_put(f);
}

static void the_limit_holds(void **state)
{
    (void)state;
    struct vfs_file *f = new_event(0, LX_O_NONBLOCK);
    assert_int_equal(give(f, UINT64_MAX), -LX_EINVAL);
    assert_int_equal(vfs_file_poll(f, LX_POLLIN | LX_POLLOUT), LX_POLLOUT);
    assert_int_equal(give(f, MOST), 8);
    assert_int_equal(vfs_file_poll(f, LX_POLLIN | LX_POLLOUT), LX_POLLIN);
    assert_int_equal(give(f, 1), -LX_EAGAIN);
    assert_int_equal(give(f, 0), 8);
    assert_int_equal((uint64_t)take(f), MOST);
    vfs_file_put(f);
}

static void semaphores_give_one(void **state)
{
    (void)state;
    struct vfs_file *f = new_event(2, LX_O_NONBLOCK | LX_EFD_SEMAPHORE);
    assert_int_equal(take(f), 1);
    assert_int_equal(take(f), 1);
    assert_int_equal(take(f), -LX_EAGAIN);
    vfs_file_put(f);
}

static void give_later(void *arg)
{
    uint64_t value = 5;
    plat_thread_yield(20 * MILLISECOND_NS);
    int64_t n = vfs_file_write(arg, &value, sizeof value, sleeper(1));
    (void)n; /* a failure shows at the reader */
}

static void take_later(void *arg)
{
    uint64_t value;
    plat_thread_yield(20 * MILLISECOND_NS);
    int64_t n = vfs_file_read(arg, &value, sizeof value, sleeper(1));
    (void)n;
}

static void both_sides_wait(void **state)
{
    (void)state;
    struct vfs_file *f = new_event(0, 0);
    struct plat_worker *w = start(give_later, f);
    assert_int_equal(take(f), 5);
    plat_worker_join(w);
    assert_int_equal(give(f, MOST), 8);
    w = start(take_later, f);
    assert_int_equal(give(f, 9), 8);
    plat_worker_join(w);
    assert_int_equal(take(f), 9);
    vfs_file_put(f);
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        tidy_test(counts_add_up),
        tidy_test(the_limit_holds),
        tidy_test(semaphores_give_one),
        tidy_test(both_sides_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
