/* SPDX-License-Identifier: MIT */
/* epoll: what it reports, what it refuses, and files and epolls that go while others use them. */

#include <stdatomic.h>

#include "lx/poll.h"
#include "sleeper.h"
#include "vfs/event.h"
#include "vfs/file.h"
#include "vfs/pipe.h"

#define TOKEN 0x123456789abcdefull

static struct vfs_file *new_epoll(void)
{
    struct vfs_file *f;
    assert_int_equal(vfs_epoll_new(&f), 0);
    return f;
}

static struct vfs_file *new_event(uint64_t value)
{
    struct vfs_file *f;
    assert_int_equal(vfs_eventfd_new(value, LX_O_NONBLOCK, &f), 0);
    return f;
}

static int control(struct vfs_file *ep, int32_t op, int32_t fd, struct vfs_file *target,
                   uint32_t events)
{
    return vfs_epoll_control(ep, op, fd, target, &(struct lx_epoll_event){events, TOKEN});
}

static int add(struct vfs_file *ep, int32_t fd, struct vfs_file *target, uint32_t events)
{
    return control(ep, LX_EPOLL_CTL_ADD, fd, target, events);
}

/* The events of the only ready file; 0 if none is. */
static uint32_t ready(struct vfs_file *ep)
{
    struct lx_epoll_event e[2];
    int n = vfs_epoll_wait(ep, e, 2, vfs_epoll_turn(ep), 0, sleeper(0));
    assert_in_range(n, 0, 1);
    if (n)
        assert_int_equal(e[0].data, TOKEN);
    return n ? e[0].events : 0;
}

static void set(struct vfs_file *event, uint64_t value)
{
    assert_int_equal(vfs_file_write(event, &value, sizeof value, sleeper(0)), 8);
}

static void clear(struct vfs_file *event)
{
    uint64_t value;
    assert_int_equal(vfs_file_read(event, &value, sizeof value, sleeper(0)), 8);
}

static void levels_edges_and_single_shots(void **state)
{
    (void)state;
    static const struct {
        uint32_t flags;
        uint32_t first, again, after_more; /* what three waits report; more comes before the last */
    } rows[] = {
        {0, LX_EPOLLIN, LX_EPOLLIN, LX_EPOLLIN},
        {LX_EPOLLET, LX_EPOLLIN, 0, LX_EPOLLIN},
        {LX_EPOLLONESHOT, LX_EPOLLIN, 0, 0},
        {LX_EPOLLET | LX_EPOLLONESHOT, LX_EPOLLIN, 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct vfs_file *ep = new_epoll(), *event = new_event(0);
        assert_int_equal(add(ep, 3, event, LX_EPOLLIN | rows[i].flags), 0);
        assert_int_equal(ready(ep), 0);
        set(event, 1);
        assert_int_equal(ready(ep), rows[i].first);
        assert_int_equal(ready(ep), rows[i].again);
        set(event, 1);
        assert_int_equal(ready(ep), rows[i].after_more);
        clear(event);
        assert_int_equal(ready(ep), 0);
        assert_int_equal(control(ep, LX_EPOLL_CTL_MOD, 3, event, LX_EPOLLIN | rows[i].flags), 0);
        set(event, 1);
        assert_int_equal(ready(ep), LX_EPOLLIN);
        vfs_file_put(event);
        vfs_file_put(ep);
    }
}

/* The other direction's wakes are no edges. */
static void edges_are_of_the_events_asked_for(void **state)
{
    (void)state;
    struct vfs_file *ep = new_epoll(), *reader, *writer;
    char c[2];
    assert_int_equal(vfs_pipe_new(0, &reader, &writer), 0);
    assert_int_equal(vfs_file_write(writer, "ab", 2, sleeper(0)), 2);
    assert_int_equal(add(ep, 3, reader, LX_EPOLLIN | LX_EPOLLET), 0);
    assert_int_equal(ready(ep), LX_EPOLLIN);
    assert_int_equal(vfs_file_read(reader, c, 1, sleeper(0)), 1);
    assert_int_equal(ready(ep), 0);
    vfs_file_put(writer);
    assert_int_equal(ready(ep), LX_EPOLLIN | LX_EPOLLHUP);
    vfs_file_put(reader);
    vfs_file_put(ep);
}

static void errors_are_as_in_the_man_page(void **state)
{
    (void)state;
    struct vfs_file *ep = new_epoll(), *event = new_event(0), *place, *file;
    struct vfs_inode *inode;
    assert_int_equal(vfs_inode_new(vfs_root()->super, REG | 0600, 0, 0, 0, NULL, &inode), 0);
    assert_int_equal(vfs_file_open(inode, LX_O_RDWR, sleeper(0), &file), 0);
    assert_int_equal(vfs_file_open(inode, LX_O_PATH, sleeper(0), &place), 0);
    assert_int_equal(add(ep, 3, event, LX_EPOLLIN), 0);
    const struct {
        struct vfs_file *ep;
        int32_t op, fd;
        struct vfs_file *target;
        int want;
    } rows[] = {
        {ep, LX_EPOLL_CTL_ADD, 3, event, -LX_EEXIST},
        {ep, LX_EPOLL_CTL_MOD, 4, event, -LX_ENOENT},
        {ep, LX_EPOLL_CTL_DEL, 4, event, -LX_ENOENT},
        {ep, 99, 3, event, -LX_EINVAL},
        {ep, LX_EPOLL_CTL_ADD, 5, ep, -LX_EINVAL},
        {ep, LX_EPOLL_CTL_ADD, 5, file, -LX_EPERM},
        {ep, LX_EPOLL_CTL_ADD, 5, place, -LX_EBADF},
        {event, LX_EPOLL_CTL_ADD, 5, event, -LX_EINVAL},
        {event, LX_EPOLL_CTL_ADD, 5, file, -LX_EPERM},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(control(rows[i].ep, rows[i].op, rows[i].fd, rows[i].target, 0),
                         rows[i].want);
    assert_int_equal(add(ep, 4, event, LX_EPOLLIN), 0); /* another name: another entry */
    assert_int_equal(control(ep, LX_EPOLL_CTL_DEL, 4, event, 0), 0);
    set(event, 1);
    assert_int_equal(ready(ep), LX_EPOLLIN);
    vfs_file_put(place);
    vfs_file_put(file);
    vfs_inode_put(inode);
    vfs_file_put(event);
    vfs_file_put(ep);
}

static void epolls_nest_but_not_in_circles(void **state)
{
    (void)state;
    struct vfs_file *chain[6], *event = new_event(0);
    for (int i = 0; i < 6; i++)
        chain[i] = new_epoll();
    assert_int_equal(add(chain[0], 3, event, LX_EPOLLIN), 0);
    for (int i = 1; i < 5; i++)
        assert_int_equal(add(chain[i], 3, chain[i - 1], LX_EPOLLIN), 0);
    assert_int_equal(add(chain[5], 3, chain[4], LX_EPOLLIN), -LX_ELOOP);
    assert_int_equal(add(chain[0], 4, chain[4], LX_EPOLLIN), -LX_ELOOP);
    assert_int_equal(ready(chain[4]), 0);
    set(event, 1);
    assert_int_equal(ready(chain[4]), LX_EPOLLIN);
    assert_int_equal(vfs_file_poll(chain[4], LX_POLLIN), LX_POLLIN);
    clear(event);
    assert_int_equal(ready(chain[4]), 0);
    for (int i = 0; i < 6; i++)
        vfs_file_put(chain[i]);
    vfs_file_put(event);
}

static void set_later(void *arg)
{
    uint64_t one = 1;
    plat_thread_yield(20 * MILLISECOND_NS);
    int64_t n = vfs_file_write(arg, &one, sizeof one, sleeper(1));
    (void)n; /* a failure shows at the waiter */
}

static void waits_end_by_a_wake_a_deadline_or_a_signal(void **state)
{
    (void)state;
    struct vfs_file *inner = new_epoll(), *ep = new_epoll(), *event = new_event(0);
    struct lx_epoll_event e;
    assert_int_equal(add(inner, 3, event, LX_EPOLLIN), 0);
    assert_int_equal(add(ep, 4, inner, LX_EPOLLIN | LX_EPOLLET), 0);
    assert_int_equal(
        vfs_epoll_wait(ep, &e, 1, vfs_epoll_turn(ep), deadline_in(10 * MILLISECOND_NS), sleeper(0)),
        0);
    struct plat_worker *w = start(set_later, event);
    assert_int_equal(vfs_epoll_wait(ep, &e, 1, vfs_epoll_turn(ep), PLAT_FOREVER, sleeper(0)), 1);
    plat_worker_join(w);
    struct core_wakes wakes = {.count = 0};
    core_sleeper_interrupt_later(sleeper(0), &wakes);
    core_wakes_send(&wakes);
    assert_int_equal(vfs_epoll_wait(ep, &e, 1, vfs_epoll_turn(ep), PLAT_FOREVER, sleeper(0)),
                     -LX_EINTR);
    sleeper(0)->interrupt = 0;
    vfs_file_put(inner); /* the outer one's entry goes with it */
    assert_int_equal(ready(ep), 0);
    vfs_file_put(event);
    vfs_file_put(ep);
}

struct turmoil {
    struct vfs_file *ep;
    _Atomic uint32_t errors;
};

static void add_and_close(void *arg)
{
    struct turmoil *t = arg;
    for (int i = 0; i < 500; i++) {
        struct vfs_file *event, *reader, *writer;
        if (vfs_eventfd_new(1, 0, &event) < 0 || vfs_pipe_new(0, &reader, &writer) < 0 ||
            add(t->ep, i, event, LX_EPOLLIN | LX_EPOLLET) < 0 ||
            add(t->ep, i, reader, LX_EPOLLIN) < 0) {
            t->errors++;
            return;
        }
        vfs_file_put(event);
        vfs_file_put(writer);
        vfs_file_put(reader);
    }
    vfs_file_put(t->ep); /* the last thread closes it */
}

static void close_in_a_moment(void *arg)
{
    vfs_file_put(arg);
}

/* Run with sanitizers, this finds what is used after it is gone. */
static void files_and_epolls_go_at_the_same_moment(void **state)
{
    (void)state;
    struct turmoil t = {.ep = new_epoll()};
    struct plat_worker *w[3];
    struct lx_epoll_event e[4];
    for (int i = 0; i < 3; i++) {
        vfs_file_get(t.ep);
        w[i] = start(add_and_close, &t);
    }
    for (int i = 0; i < 500; i++)
        assert_in_range(vfs_epoll_wait(t.ep, e, 4, vfs_epoll_turn(t.ep), 0, sleeper(0)), 0, 4);
    vfs_file_put(t.ep);
    for (int i = 0; i < 3; i++)
        plat_worker_join(w[i]);
    assert_int_equal(t.errors, 0);

    for (int i = 0; i < 200; i++) {
        struct vfs_file *ep = new_epoll(), *event = new_event(1);
        assert_int_equal(add(ep, 3, event, LX_EPOLLIN), 0);
        struct plat_worker *closer = start(close_in_a_moment, ep);
        vfs_file_put(event);
        plat_worker_join(closer);
    }
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        tidy_test(levels_edges_and_single_shots),
        tidy_test(edges_are_of_the_events_asked_for),
        tidy_test(errors_are_as_in_the_man_page),
        tidy_test(epolls_nest_but_not_in_circles),
        tidy_test(waits_end_by_a_wake_a_deadline_or_a_signal),
        tidy_test(files_and_epolls_go_at_the_same_moment),
    };
    return cmocka_run_group_tests(tests, mount_empty, NULL);
}
