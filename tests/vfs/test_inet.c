/* SPDX-License-Identifier: MIT */
/* Internet sockets: what they hold is given back, whichever way they end. */

#include "vfs/socket.h"

#include "lx/poll.h"
#include "sleeper.h"
#include "vfs/file.h"
#include "vfs/path.h"

static struct vfs_fs *fs;

static struct vfs_socket_caller caller(uint32_t n)
{
    return (struct vfs_socket_caller){.fs = fs, .self = sleeper(n), .pid = 7};
}

static struct vfs_file *new_socket(int32_t family, int32_t type)
{
    const struct vfs_socket_caller c = caller(0);
    struct vfs_file *f;
    assert_int_equal(vfs_socket_new(&c, family, type, 0, LX_O_NONBLOCK, &f), 0);
    return f;
}

static struct vfs_file *bound(int32_t type, struct vfs_sockaddr *name)
{
    const struct vfs_socket_caller c = caller(0);
    struct vfs_file *f = new_socket(LX_AF_INET, type);
    *name = (struct vfs_sockaddr){.size = sizeof name->in, .family = LX_AF_INET};
    name->in.sin_addr[0] = 127;
    name->in.sin_addr[3] = 1;
    assert_int_equal(vfs_socket_bind(f, &c, name), 0);
    assert_int_equal(vfs_socket_name(f, 0, name), 0);
    return f;
}

static int64_t send_bytes(struct vfs_file *f, const void *bytes, uint64_t size)
{
    const struct vfs_socket_caller c = caller(0);
    const struct lx_iovec iov = {(uintptr_t)bytes, size};
    struct vfs_message m = {.iov = &iov, .iov_count = 1, .size = size};
    return vfs_socket_send(f, &c, &m);
}

static int64_t receive(struct vfs_file *f, void *buf, uint64_t size)
{
    const struct vfs_socket_caller c = caller(0);
    const struct lx_iovec iov = {(uintptr_t)buf, size};
    struct vfs_message m = {.iov = &iov, .iov_count = 1, .size = size};
    return vfs_socket_receive(f, &c, &m);
}

struct ends {
    struct vfs_file *listener, *client, *server;
    struct vfs_sockaddr name;
};

static void connected(struct ends *e)
{
    const struct vfs_socket_caller c = caller(0);
    e->listener = bound(LX_SOCK_STREAM, &e->name);
    e->client = new_socket(LX_AF_INET, LX_SOCK_STREAM);
    assert_int_equal(vfs_socket_listen(e->listener, &c, 1), 0);
    assert_int_equal(vfs_socket_connect(e->client, &c, &e->name), -LX_EINPROGRESS);
    assert_int_equal(vfs_socket_accept(e->listener, &c, LX_O_NONBLOCK, &e->server), 0);
}

/* Close as after an error. */
static void reset(struct vfs_file *f)
{
    const struct vfs_socket_option none = {.size = sizeof none.linger, .linger = {1, 0}};
    assert_int_equal(vfs_socket_set_option(f, LX_SOL_SOCKET, LX_SO_LINGER, &none), 0);
    vfs_file_put(f);
}

/* In any order, with and without bytes on their way. */
static void connections_end(void **state)
{
    (void)state;
    static char large[100000];
    for (int way = 0; way < 8; way++) {
        struct ends e;
        connected(&e);
        if (way & 1)
            vfs_file_put(e.listener);
        if (way & 2) {
            assert_int_equal(send_bytes(e.client, large, sizeof large), sizeof large);
            assert_int_equal(send_bytes(e.server, "x", 1), 1);
            assert_int_equal(vfs_file_available(e.server), sizeof large);
        }
        vfs_file_put(way & 4 ? e.server : e.client);
        if (!(way & 2))
            assert_int_equal(send_bytes(way & 4 ? e.client : e.server, "lost", 4), 4);
        vfs_file_put(way & 4 ? e.client : e.server);
        if (!(way & 1))
            vfs_file_put(e.listener);
    }
}

static void what_fills_it_is_given_back(void **state)
{
    (void)state;
    static char large[300000];
    struct ends e;
    int64_t n, sent = 0;
    connected(&e);
    while ((n = send_bytes(e.client, large, sizeof large)) > 0)
        sent += n;
    assert_int_equal(n, -LX_EAGAIN);
    assert_int_equal(vfs_file_available(e.server), sent);
    assert_true(vfs_socket_unsent(e.client) > 0);
    assert_int_equal(vfs_file_poll(e.client, LX_POLLIN | LX_POLLOUT), 0);
    while (sent > 0) {
        n = receive(e.server, large, 12345);
        assert_true(n > 0);
        sent -= n;
    }
    assert_int_equal(vfs_socket_unsent(e.client), 0);
    assert_int_equal(vfs_file_poll(e.client, LX_POLLIN | LX_POLLOUT), LX_POLLOUT);
    reset(e.client); /* else its port stays taken, which needs memory */
    vfs_file_put(e.server);
    vfs_file_put(e.listener);
}

/* The line before a listener: some get in, some are refused, some go away. */
static void a_line_ends(void **state)
{
    (void)state;
    const struct vfs_socket_caller c = caller(0);
    const struct vfs_sockaddr none = {.size = sizeof none.family, .family = LX_AF_UNSPEC};
    struct vfs_sockaddr name;
    struct vfs_file *listener = bound(LX_SOCK_STREAM, &name), *clients[6], *server;
    char buf[8];
    assert_int_equal(vfs_socket_listen(listener, &c, 0), 0);
    for (int i = 0; i < 6; i++) {
        clients[i] = new_socket(LX_AF_INET, LX_SOCK_STREAM);
        assert_int_equal(vfs_socket_connect(clients[i], &c, &name), -LX_EINPROGRESS);
    }
    assert_int_equal(vfs_file_poll(clients[0], LX_POLLOUT), LX_POLLOUT);
    assert_int_equal(vfs_file_poll(clients[1], LX_POLLOUT), 0);
    vfs_file_put(clients[1]);
    assert_int_equal(vfs_socket_connect(clients[2], &c, &none), 0);
    assert_int_equal(vfs_socket_accept(listener, &c, 0, &server), 0);
    assert_int_equal(vfs_file_poll(clients[3], LX_POLLOUT), LX_POLLOUT);
    assert_int_equal(vfs_file_poll(clients[4], LX_POLLOUT), 0);
    vfs_file_put(listener);
    assert_int_equal(receive(clients[3], buf, 8), -LX_ECONNRESET); /* it was never accepted */
    assert_int_equal(receive(clients[4], buf, 8), -LX_ECONNREFUSED);
    reset(server);
    for (int i = 0; i < 6; i++)
        if (i != 1)
            vfs_file_put(clients[i]);
}

/* So many connections, of which each leaves something. */
static void connections_that_wait(int count)
{
    const struct vfs_socket_caller c = caller(0);
    struct vfs_sockaddr name;
    struct vfs_file *listener = bound(LX_SOCK_STREAM, &name), *server;
    assert_int_equal(vfs_socket_listen(listener, &c, 1), 0);
    for (int i = 0; i < count; i++) {
        struct vfs_file *client = new_socket(LX_AF_INET, LX_SOCK_STREAM);
        assert_int_equal(vfs_socket_connect(client, &c, &name), -LX_EINPROGRESS);
        assert_int_equal(vfs_socket_accept(listener, &c, LX_O_NONBLOCK, &server), 0);
        vfs_file_put(client);
        vfs_file_put(server);
    }
    vfs_file_put(listener);
}

/* Memory for what waits is limited; also when it would be more than there are ports. */
static void not_all_wait(void **state)
{
    (void)state;
    connections_that_wait(5000);
    uint64_t used = core_arena_used();
    connections_that_wait(30000);
    assert_int_equal(core_arena_used(), used);
}

static void datagrams_end(void **state)
{
    (void)state;
    const struct vfs_socket_caller c = caller(0);
    struct vfs_sockaddr name;
    struct vfs_file *a = bound(LX_SOCK_DGRAM, &name), *b = new_socket(LX_AF_INET, LX_SOCK_DGRAM);
    char buf[8];
    assert_int_equal(vfs_socket_connect(b, &c, &name), 0);
    for (int i = 0; i < 1000; i++) /* most are dropped */
        assert_int_equal(send_bytes(b, "datagram", 8), 8);
    assert_int_equal(receive(a, buf, 8), 8);
    vfs_file_put(a);
    assert_int_equal(send_bytes(b, "x", 1), 1);
    assert_int_equal(send_bytes(b, "x", 1), -LX_ECONNREFUSED);
    vfs_file_put(b);
}

static void answers_end(void **state)
{
    (void)state;
    const struct lx_nlmsghdr ask = {sizeof ask, LX_RTM_GETLINK, LX_NLM_F_REQUEST | LX_NLM_F_DUMP, 1,
                                    0};
    struct lx_nlmsghdr answer;
    struct vfs_file *f;
    const struct vfs_socket_caller c = caller(0);
    assert_int_equal(vfs_socket_new(&c, LX_AF_NETLINK, LX_SOCK_RAW, LX_NETLINK_ROUTE, 0, &f), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(send_bytes(f, &ask, sizeof ask), sizeof ask);
    assert_int_equal(receive(f, &answer, sizeof answer), sizeof answer);
    assert_int_equal(answer.nlmsg_type, LX_RTM_NEWLINK);
    vfs_file_put(f);
}

static int set_up(void **state)
{
    return mount_empty(state) < 0 || vfs_fs_new(&fs) < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        tidy_test(connections_end), tidy_test(what_fills_it_is_given_back),
        tidy_test(a_line_ends),     tidy_test(datagrams_end),
        tidy_test(answers_end),     cmocka_unit_test(not_all_wait),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
