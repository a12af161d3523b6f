/* SPDX-License-Identifier: MIT */
/* Message queues: what a guest of ours cannot try: privilege, and threads that are lost. */

#include "vfs/mqueue.h"

#include "lx/signal.h"
#include "sleeper.h"
#include "vfs/fdtable.h"
#include "vfs/file.h"

#define SIZE 16

static struct vfs_mqueue_caller g_caller;
static struct vfs_fs *g_fs;

static void caller(struct vfs_mqueue_caller *out)
{
    *out = g_caller;
}

static uint32_t signals_sent;

static void count_signal(const struct vfs_mqueue_signal *signal)
{
    (void)signal;
    signals_sent++;
}

static int open_queue(int64_t count, int64_t size, struct vfs_file **out)
{
    const struct lx_mq_attr attr = {.mq_maxmsg = count, .mq_msgsize = size};
    int err = vfs_mqueue_open(g_fs, "q", LX_O_CREAT | LX_O_EXCL | LX_O_RDWR, 0600, &attr, out);
    if (err == 0)
        assert_int_equal(vfs_mqueue_unlink(g_fs, "q"), 0);
    return err;
}

/* The first queue leaves what others use again: an inode, the directory's table. */
static int set_up_group(void **state)
{
    static const struct vfs_mqueue_provider provider = {caller, count_signal};
    struct vfs_file *f;
    (void)state;
    vfs_mqueue_provide(&provider);
    g_fs = mount_rows(NULL, 0);
    g_caller.limit = UINT64_MAX;
    int err = vfs_mqueue_mount(g_fs, "/dev/mqueue");
    if (err == 0)
        err = open_queue(1, 1, &f);
    if (err == 0)
        vfs_file_put(f);
    return err;
}

static int set_up(void **state)
{
    g_caller = (struct vfs_mqueue_caller){.pid = 7, .limit = UINT64_MAX};
    return note_used(state);
}

static void privilege_has_limits_too(void **state)
{
    static const struct {
        int64_t count, size;
        int plain, privileged;
    } rows[] = {
        {10, 8192, 0, 0},
        {11, 8192, -LX_EINVAL, 0},
        {10, 8193, -LX_EINVAL, 0},
        {65536, 1 << 24, -LX_EINVAL, 0},
        {65537, 1, -LX_EINVAL, -LX_EINVAL},
        {1, (1 << 24) + 1, -LX_EINVAL, -LX_EINVAL},
        {0, 1, -LX_EINVAL, -LX_EINVAL},
    };
    (void)state;
    for (uint32_t i = 0; i < COUNT(rows); i++) {
        struct vfs_file *f;
        for (g_caller.is_privileged = 0; g_caller.is_privileged < 2; g_caller.is_privileged++) {
            int err = open_queue(rows[i].count, rows[i].size, &f);
            assert_int_equal(err, g_caller.is_privileged ? rows[i].privileged : rows[i].plain);
            vfs_file_put(f);
        }
    }
}

/* Priorities cost no more than there are. */
static void costs_are_linux_own(void **state)
{
    static const struct {
        int64_t count, size;
        uint64_t cost;
    } rows[] = {{1, 1, 97}, {10, 8192, 82880}, {40000, 1, 40000ull * 49 + 32768 * 48}};
    (void)state;
    g_caller.is_privileged = 1;
    for (uint32_t i = 0; i < COUNT(rows); i++) {
        struct vfs_file *f;
        g_caller.limit = rows[i].cost - 1;
        assert_int_equal(open_queue(rows[i].count, rows[i].size, &f), -LX_EMFILE);
        g_caller.limit++;
        assert_int_equal(open_queue(rows[i].count, rows[i].size, &f), 0);
        vfs_file_put(f);
    }
}

static void send(struct vfs_file *f, uint32_t priority, int want)
{
    struct vfs_mqueue_message *m;
    assert_int_equal(vfs_mqueue_message_new(f, SIZE, priority, &m), 0);
    memset(m->data, 'x', SIZE);
    assert_int_equal(vfs_mqueue_send(f, m, 1, sleeper(0)), want);
}

static void receive(struct vfs_file *f, uint32_t priority)
{
    struct vfs_mqueue_message *m;
    assert_int_equal(vfs_mqueue_receive(f, SIZE, 1, sleeper(0), &m), 0);
    assert_int_equal(m->priority, priority);
    vfs_mqueue_message_free(m);
}

/* These threads do not wake any more: they stand for ones whose process is gone. */
static void wait_for_message(void *arg)
{
    struct vfs_mqueue_message *m;
    int err = vfs_mqueue_receive(arg, SIZE, PLAT_FOREVER, sleeper(1), &m);
    fprintf(stderr, "a lost receiver has come back: %d\n", err);
    abort();
}

static void wait_for_room(void *arg)
{
    struct vfs_mqueue_message *m;
    int err = vfs_mqueue_message_new(arg, SIZE, 9, &m);
    if (err == 0)
        err = vfs_mqueue_send(arg, m, PLAT_FOREVER, sleeper(2));
    fprintf(stderr, "a lost sender has come back: %d\n", err);
    abort();
}

static void let_sleep(uint32_t n)
{
    while (!core_sleeper_is_asleep(sleeper(n)))
        plat_thread_yield(MILLISECOND_NS);
}

static void lost_threads_take_and_give_nothing(void **state)
{
    struct vfs_file *f;
    (void)state;
    assert_int_equal(open_queue(1, SIZE, &f), 0);
    start(wait_for_message, f);
    let_sleep(1);
    vfs_mqueue_forget_sleeper(sleeper(0));
    vfs_mqueue_forget_sleeper(sleeper(1));
    send(f, 3, 0);
    start(wait_for_room, f);
    let_sleep(2);
    send(f, 4, -LX_ETIMEDOUT);
    vfs_mqueue_forget_sleeper(sleeper(2));
    receive(f, 3);
    send(f, 5, 0);
    receive(f, 5);
    vfs_file_put(f);
}

/* What waits in a queue goes with it, and so does whom it would tell. */
static void all_is_given_back(void **state)
{
    const struct vfs_mqueue_notice notice = {.method = LX_SIGEV_SIGNAL, .number = 10};
    struct vfs_file *f;
    struct vfs_fdtable *fds;
    (void)state;
    assert_int_equal(vfs_fdtable_new(8, &fds), 0);
    for (int i = 0; i < 300; i++) { /* more than there may be at once */
        assert_int_equal(open_queue(4, SIZE, &f), 0);
        assert_int_equal(vfs_mqueue_notify(f, &notice, fds), 0);
        if (i % 2)
            send(f, 1, 0);
        assert_int_equal(vfs_mqueue_notify(f, &notice, fds), i % 2 ? 0 : -LX_EBUSY);
        for (uint32_t priority = 0; priority < 3; priority++)
            send(f, priority, 0);
        vfs_file_put(f);
    }
    assert_int_equal(signals_sent, 300);
    vfs_fdtable_free(fds);
}

#define queue_test(f) cmocka_unit_test_setup_teardown(f, set_up, check_used)

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        queue_test(privilege_has_limits_too),
        queue_test(costs_are_linux_own),
        queue_test(all_is_given_back),
        queue_test(lost_threads_take_and_give_nothing),
    };
    return cmocka_run_group_tests(tests, set_up_group, NULL);
}
