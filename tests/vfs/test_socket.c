/* SPDX-License-Identifier: MIT */
/* Sockets of AF_UNIX: what they hold is given back, whichever way they end. */

#include "vfs/socket.h"

#include "lx/poll.h"
#include "sleeper.h"
#include "vfs/file.h"
#include "vfs/path.h"
#include "vfs/tree.h"

static struct vfs_fs *fs;

static struct vfs_socket_caller caller(uint32_t n)
{
    return (struct vfs_socket_caller){.fs = fs, .self = sleeper(n), .pid = 7};
}

static struct vfs_file *new_socket(int32_t type)
{
    const struct vfs_socket_caller c = caller(0);
    struct vfs_file *f;
    assert_int_equal(vfs_socket_new(&c, LX_AF_UNIX, type, 0, LX_O_NONBLOCK, &f), 0);
    return f;
}

static void new_pair(int32_t type, struct vfs_file *out[2])
{
    const struct vfs_socket_caller c = caller(0);
    assert_int_equal(vfs_socket_pair(&c, LX_AF_UNIX, type, 0, LX_O_NONBLOCK, out), 0);
}

static void put_pair(struct vfs_file *pair[2])
{
    vfs_file_put(pair[0]);
    vfs_file_put(pair[1]);
}

static struct vfs_sockaddr name_of(const char *text)
{
    struct vfs_sockaddr name = {.size = 2 + (uint32_t)strlen(text), .family = LX_AF_UNIX};
    memcpy(name.un.sun_path, text, strlen(text));
    if (*text == '@')
        name.un.sun_path[0] = 0;
    return name;
}

static int64_t send_text(struct vfs_file *f, const char *text, struct vfs_file *with)
{
    const struct vfs_socket_caller c = caller(0);
    const struct lx_iovec iov = {(uintptr_t)text, strlen(text)};
    struct vfs_message m = {.iov = &iov, .iov_count = 1, .size = iov.iov_len};
    if (with) {
        m.rights = vfs_rights_new(1);
        m.rights->files[m.rights->count++] = vfs_file_get(with);
    }
    return vfs_socket_send(f, &c, &m);
}

static int64_t receive(struct vfs_file *f, char *buf, uint64_t size)
{
    return vfs_file_read(f, buf, size, sleeper(0));
}

static void bytes_and_packets_go_through(void **state)
{
    static const int32_t types[] = {LX_SOCK_STREAM, LX_SOCK_DGRAM, LX_SOCK_SEQPACKET};
    (void)state;
    for (uint32_t i = 0; i < COUNT(types); i++) {
        struct vfs_file *pair[2];
        char buf[8];
        new_pair(types[i], pair);
        assert_int_equal(send_text(pair[0], "abc", NULL), 3);
        assert_int_equal(send_text(pair[0], "de", NULL), 2);
        assert_int_equal(receive(pair[1], buf, 8), types[i] == LX_SOCK_STREAM ? 5 : 3);
        assert_int_equal(send_text(pair[0], "unread", NULL), 6);
        put_pair(pair);
    }
}

static void what_fills_it_is_given_back(void **state)
{
    (void)state;
    static char large[50000];
    struct vfs_file *pair[2];
    int64_t n, sent = 0;
    memset(large, 'x', sizeof large - 1);
    new_pair(LX_SOCK_STREAM, pair);
    while ((n = send_text(pair[0], large, NULL)) > 0)
        sent += n;
    assert_int_equal(n, -LX_EAGAIN);
    assert_int_equal(vfs_file_available(pair[1]), sent);
    assert_true(vfs_socket_unsent(pair[0]) > sent);
    assert_int_equal(vfs_file_poll(pair[0], LX_POLLIN | LX_POLLOUT), 0);
    while (sent > 0)
        sent -= receive(pair[1], large, sizeof large);
    assert_int_equal(vfs_socket_unsent(pair[0]), 0);
    assert_int_equal(vfs_file_poll(pair[0], LX_POLLIN | LX_POLLOUT), LX_POLLOUT);
    put_pair(pair);
}

static void nobody_accepts(void **state)
{
    (void)state;
    const struct vfs_socket_caller c = caller(0);
    const struct vfs_sockaddr name = name_of("@listens");
    struct vfs_file *listener = new_socket(LX_SOCK_STREAM), *client = new_socket(LX_SOCK_STREAM);
    char buf[8];
    assert_int_equal(vfs_socket_bind(listener, &c, &name), 0);
    assert_int_equal(vfs_socket_listen(listener, &c, 1), 0);
    assert_int_equal(vfs_socket_connect(client, &c, &name), 0);
    assert_int_equal(send_text(client, "early", client), 5);
    vfs_file_put(listener);
    assert_int_equal(receive(client, buf, 8), -LX_ECONNRESET);
    assert_int_equal(receive(client, buf, 8), 0);
    vfs_file_put(client);
}

static void a_path_knows_who_is_bound(void **state)
{
    (void)state;
    const struct vfs_socket_caller c = caller(0);
    const struct vfs_sockaddr name = name_of("/dir/bound");
    struct vfs_file *a = new_socket(LX_SOCK_DGRAM), *b = new_socket(LX_SOCK_DGRAM);
    assert_int_equal(vfs_socket_bind(a, &c, &name), 0);
    assert_int_equal(vfs_socket_bind(b, &c, &name), -LX_EADDRINUSE);
    assert_int_equal(vfs_socket_connect(b, &c, &name), 0);
    assert_int_equal(send_text(b, "x", NULL), 1);
    vfs_file_put(a);
    assert_int_equal(send_text(b, "x", NULL), -LX_ECONNREFUSED);
    assert_int_equal(vfs_socket_connect(b, &c, &name), -LX_ECONNREFUSED);
    vfs_file_put(b);
    assert_int_equal(vfs_tree_unlink(fs, NULL, "/dir/bound"), 0);
}

static void circles_are_collected(void **state)
{
    (void)state;
    struct vfs_file *a[2], *b[2];
    new_pair(LX_SOCK_STREAM, a);
    new_pair(LX_SOCK_DGRAM, b);
    assert_int_equal(send_text(a[0], "1", a[1]), 1); /* in its own queue */
    assert_int_equal(send_text(a[0], "2", b[1]), 1);
    assert_int_equal(send_text(b[0], "3", a[1]), 1);
    put_pair(a);
    put_pair(b);
}

/* A listener in flight, and in the queue of a connection to it that nobody has accepted. */
static void a_listener_in_its_own_connection(void **state)
{
    (void)state;
    const struct vfs_socket_caller c = caller(0);
    const struct vfs_sockaddr name = name_of("@circle");
    struct vfs_file *listener = new_socket(LX_SOCK_STREAM), *client = new_socket(LX_SOCK_STREAM);
    assert_int_equal(vfs_socket_bind(listener, &c, &name), 0);
    assert_int_equal(vfs_socket_listen(listener, &c, 1), 0);
    assert_int_equal(vfs_socket_connect(client, &c, &name), 0);
    assert_int_equal(send_text(client, "x", listener), 1);
    vfs_file_put(client);
    vfs_file_put(listener);
}

static void a_long_chain_ends(void **state)
{
    (void)state;
    struct vfs_file *last[2], *next[2];
    new_pair(LX_SOCK_STREAM, last);
    for (uint32_t i = 0; i < 20000; i++) {
        new_pair(LX_SOCK_STREAM, next);
        assert_int_equal(send_text(next[0], "x", last[1]), 1);
        put_pair(last);
        last[0] = next[0];
        last[1] = next[1];
    }
    put_pair(last);
}

static void wait_for_bytes(void *arg)
{
    char buf[8];
    assert_int_equal(vfs_file_read(arg, buf, 8, sleeper(1)), 0);
}

static void a_reader_sees_the_end(void **state)
{
    (void)state;
    struct vfs_file *pair[2];
    new_pair(LX_SOCK_STREAM, pair);
    pair[1]->flags &= ~(uint32_t)LX_O_NONBLOCK;
    struct plat_worker *w = start(wait_for_bytes, pair[1]);
    plat_thread_yield(20 * MILLISECOND_NS);
    vfs_file_put(pair[0]);
    plat_worker_join(w);
    vfs_file_put(pair[1]);
}

static int set_up(void **state)
{
    return mount_empty(state) < 0 || vfs_fs_new(&fs) < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        tidy_test(bytes_and_packets_go_through),
        tidy_test(what_fills_it_is_given_back),
        tidy_test(nobody_accepts),
        cmocka_unit_test(a_path_knows_who_is_bound),
        tidy_test(circles_are_collected),
        tidy_test(a_listener_in_its_own_connection),
        tidy_test(a_long_chain_ends),
        tidy_test(a_reader_sees_the_end),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
