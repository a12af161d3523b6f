/* SPDX-License-Identifier: MIT */
/* Pipes and fifos. */

#include "vfs/pipe.h"

#include "lx/poll.h"
#include "sleeper.h"
#include "vfs/file.h"
#include "vfs/splice.h"

#define CAPACITY 65536u

static uint8_t g_out[3 * CAPACITY], g_in[3 * CAPACITY];

struct ends {
    struct vfs_file *reader, *writer;
};

static struct ends new_pipe(uint32_t flags)
{
    struct ends e;
    assert_int_equal(vfs_pipe_new(flags, &e.reader, &e.writer), 0);
    return e;
}

static void end(struct ends e)
{
    vfs_file_put(e.reader);
    vfs_file_put(e.writer);
}

static int64_t put(struct ends e, uint64_t size)
{
    return vfs_file_write(e.writer, g_out, size, sleeper(0));
}

static int64_t take(struct ends e, uint64_t size)
{
    return vfs_file_read(e.reader, g_in, size, sleeper(0));
}

static void bytes_come_out_in_order(void **state)
{
    (void)state;
    struct ends e = new_pipe(0);
    uint64_t put_sum = 0, taken = 0;
    for (uint32_t i = 0; i < sizeof g_out; i++)
        g_out[i] = (uint8_t)(i * 7 + i / 250);
    for (uint32_t size = 1; put_sum < CAPACITY * 2; size += 997) { /* around the ring's end */
        assert_int_equal(vfs_file_write(e.writer, g_out + put_sum, size, sleeper(0)), size);
        put_sum += size;
        while (taken < put_sum) {
            int64_t n = vfs_file_read(e.reader, g_in + taken, 313, sleeper(0));
            assert_true(n > 0);
            taken += (uint64_t)n;
        }
    }
    assert_int_equal(taken, put_sum);
    assert_memory_equal(g_in, g_out, taken);
    end(e);
}

static void without_waiting(void **state)
{
    (void)state;
    struct ends e = new_pipe(LX_O_NONBLOCK);
    assert_int_equal(take(e, 1), -LX_EAGAIN);
    assert_int_equal(take(e, 0), 0);
    assert_int_equal(put(e, sizeof g_out), CAPACITY);
    assert_int_equal(put(e, 1), -LX_EAGAIN);
    assert_int_equal(take(e, 100), 100);
    /* What is full are the slots: one has to be read to its end. */
    assert_int_equal(put(e, LX_PIPE_BUF), -LX_EAGAIN);
    assert_int_equal(put(e, 1), -LX_EAGAIN);
    assert_int_equal(vfs_file_poll(e.writer, LX_POLLOUT), 0);
    assert_int_equal(take(e, LX_PIPE_BUF - 100), LX_PIPE_BUF - 100);
    assert_int_equal(vfs_file_poll(e.writer, LX_POLLOUT), LX_POLLOUT);
    assert_int_equal(put(e, LX_PIPE_BUF + 1), LX_PIPE_BUF);
    assert_int_equal(vfs_file_available(e.reader), CAPACITY);
    end(e);
}

static void the_other_end_counts(void **state)
{
    (void)state;
    struct ends e = new_pipe(0);
    assert_int_equal(put(e, 3), 3);
    vfs_file_put(e.writer);
    assert_int_equal(vfs_file_poll(e.reader, LX_POLLIN), LX_POLLIN | LX_POLLHUP);
    assert_int_equal(take(e, 10), 3);
    assert_int_equal(take(e, 10), 0);
    assert_int_equal(vfs_file_poll(e.reader, LX_POLLIN), LX_POLLHUP);
    vfs_file_put(e.reader);

    e = new_pipe(0);
    vfs_file_put(e.reader);
    assert_int_equal(put(e, 3), -LX_EPIPE);
    assert_int_equal(put(e, 0), 0);
    assert_int_equal(vfs_file_poll(e.writer, LX_POLLOUT), LX_POLLOUT | LX_POLLERR);
    vfs_file_put(e.writer);
}

static void each_end_has_its_direction(void **state)
{
    (void)state;
    struct ends e = new_pipe(0);
    assert_int_equal(vfs_file_write(e.reader, g_out, 1, sleeper(0)), -LX_EBADF);
    assert_int_equal(vfs_file_read(e.writer, g_in, 1, sleeper(0)), -LX_EBADF);
    assert_int_equal(vfs_file_pread(e.writer, g_in, 1, 0), -LX_ESPIPE);
    assert_int_equal(vfs_file_seek(e.reader, 0, LX_SEEK_CUR), -LX_ESPIPE);
    assert_int_equal(vfs_file_truncate(e.writer, 0), -LX_EINVAL);
    assert_int_equal(vfs_file_poll(e.reader, LX_POLLIN | LX_POLLOUT), 0);
    assert_int_equal(vfs_file_poll(e.writer, LX_POLLIN | LX_POLLOUT), LX_POLLOUT);
    end(e);
}

static void sizes_change(void **state)
{
    (void)state;
    static const struct {
        uint64_t size;
        int64_t want;
    } rows[] = {
        {0, 4096}, {4096, 4096}, {4097, 8192}, {1 << 20, 1 << 20}, {(1 << 20) + 1, -LX_EPERM},
    };
    struct ends e = new_pipe(LX_O_NONBLOCK);
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(vfs_pipe_set_size(e.reader, rows[i].size), rows[i].want);
    assert_int_equal(vfs_pipe_size(e.writer), 1 << 20);
    assert_int_equal(put(e, 5000), 5000);
    assert_int_equal(vfs_pipe_set_size(e.reader, 4096), -LX_EBUSY);
    assert_int_equal(take(e, 3000), 3000);
    assert_int_equal(vfs_pipe_set_size(e.reader, 4096), -LX_EBUSY); /* in two slots still */
    assert_int_equal(vfs_file_read(e.reader, g_in + 3000, 1500, sleeper(0)), 1500);
    assert_int_equal(vfs_pipe_set_size(e.reader, 4096), 4096); /* with what is in it */
    assert_int_equal(vfs_file_read(e.reader, g_in + 4500, 5000, sleeper(0)), 500);
    assert_memory_equal(g_in, g_out, 5000);
    end(e);
}

static void packets_stay_apart(void **state)
{
    (void)state;
    struct ends e = new_pipe(LX_O_DIRECT | LX_O_NONBLOCK);
    assert_int_equal(e.reader->flags & LX_O_DIRECT, 0);
    assert_int_equal(put(e, 10), 10);
    assert_int_equal(put(e, 20), 20);
    assert_int_equal(put(e, LX_PIPE_BUF + 5), LX_PIPE_BUF + 5); /* two packets */
    assert_int_equal(vfs_file_available(e.reader), 35 + LX_PIPE_BUF);
    assert_int_equal(take(e, 100), 10);
    assert_int_equal(take(e, 7), 7); /* the rest of the packet is lost */
    assert_int_equal(take(e, 2 * LX_PIPE_BUF), LX_PIPE_BUF);
    assert_int_equal(take(e, 100), 5);
    assert_int_equal(take(e, 100), -LX_EAGAIN);
    for (int i = 0; i < 16; i++)
        assert_int_equal(put(e, 1), 1);
    assert_int_equal(put(e, 1), -LX_EAGAIN); /* a slot each */
    end(e);
}

static void memory_follows_what_is_in_it(void **state)
{
    (void)state;
    uint64_t before = core_arena_used();
    struct ends e = new_pipe(LX_O_NONBLOCK);
    assert_true(core_arena_used() - before < 2048);
    assert_int_equal(put(e, CAPACITY), CAPACITY);
    assert_true(core_arena_used() - before >= CAPACITY);
    assert_int_equal(take(e, CAPACITY), CAPACITY);
    assert_true(core_arena_used() - before < 2048 + 2 * 4096);
    assert_int_equal(put(e, 5000), 5000);
    end(e); /* with something in it */
}

static void splices_move_and_tees_copy(void **state)
{
    (void)state;
    struct ends a = new_pipe(LX_O_NONBLOCK), b = new_pipe(LX_O_NONBLOCK);
    const struct vfs_splice_side in = {a.reader, NULL}, out = {b.writer, NULL};
    struct core_sleeper *self = sleeper(0);
    assert_int_equal(vfs_splice(&in, &out, 10, 0, self), -LX_EAGAIN);
    assert_int_equal(put(a, 10000), 10000);
    assert_int_equal(vfs_tee(a.reader, b.writer, 5000, 0, self), 5000);
    assert_int_equal(take(b, 10000), 5000);
    assert_memory_equal(g_in, g_out, 5000);
    assert_int_equal(vfs_splice(&in, &out, 6000, 0, self), 6000); /* a page and a part */
    assert_int_equal(take(b, 10000), 6000);
    assert_memory_equal(g_in, g_out, 6000);
    assert_int_equal(take(a, 10000), 4000);
    assert_memory_equal(g_in, g_out + 6000, 4000);

    assert_int_equal(put(b, CAPACITY), CAPACITY);
    assert_int_equal(put(a, 1), 1);
    assert_int_equal(vfs_splice(&in, &out, 1, 0, self), -LX_EAGAIN); /* no room */
    assert_int_equal(vfs_tee(a.reader, b.writer, 1, 0, self), -LX_EAGAIN);
    const struct vfs_splice_side itself = {a.writer, NULL};
    assert_int_equal(vfs_splice(&in, &itself, 1, 0, self), -LX_EINVAL);
    assert_int_equal(vfs_splice(&out, &in, 1, 0, self), -LX_EBADF);
    vfs_file_put(b.reader);
    assert_int_equal(vfs_splice(&in, &out, 1, 0, self), -LX_EPIPE);
    vfs_file_put(a.writer);
    assert_int_equal(take(a, 10), 1);
    vfs_file_put(b.writer);
    b = new_pipe(0);
    const struct vfs_splice_side other = {b.writer, NULL};
    assert_int_equal(vfs_splice(&in, &other, 1, 0, self), 0); /* the end */
    vfs_file_put(a.reader);
    end(b);
}

static struct vfs_file *g_shared; /* read by many */
static _Atomic long g_taken;

static void consume(void *arg)
{
    uint8_t byte;
    struct core_sleeper *self = sleeper((uint32_t)(uintptr_t)arg);
    while (vfs_file_read(g_shared, &byte, 1, self) == 1)
        g_taken++;
}

/* Each is woken alone: none may be forgotten. */
static void many_readers_take_all(void **state)
{
    (void)state;
    struct ends e = new_pipe(0);
    struct plat_worker *w[4];
    g_shared = e.reader;
    g_taken = 0;
    for (uintptr_t i = 0; i < COUNT(w); i++)
        w[i] = start(consume, (void *)(i + 1));
    long rounds = test_count(2000, 100000);
    for (long i = 0; i < rounds; i++)
        assert_int_equal(put(e, 1 + (uint64_t)i % 5), 1 + i % 5);
    vfs_file_put(e.writer);
    for (uint32_t i = 0; i < COUNT(w); i++)
        plat_worker_join(w[i]);
    assert_int_equal(g_taken, rounds * 3);
    vfs_file_put(e.reader);
}

static void produce(void *arg)
{
    struct vfs_file *writer = arg;
    for (uint64_t done = 0; done < sizeof g_out; done += CAPACITY / 4 + CAPACITY / 8) {
        uint64_t size = CAPACITY / 4 + CAPACITY / 8;
        if (vfs_file_write(writer, g_out + done, size, sleeper(1)) != (int64_t)size)
            return; /* too little arrives: the other side fails */
    }
}

static void writers_wait_for_room_and_readers_for_bytes(void **state)
{
    (void)state;
    struct ends e = new_pipe(0);
    struct plat_worker *w = start(produce, e.writer);
    uint64_t taken = 0;
    while (taken < sizeof g_in) {
        if (taken / 50000 % 2)
            plat_thread_yield(MILLISECOND_NS); /* until it is full */
        int64_t n = vfs_file_read(e.reader, g_in + taken, 5000, sleeper(0));
        assert_true(n > 0);
        taken += (uint64_t)n;
    }
    plat_worker_join(w);
    assert_memory_equal(g_in, g_out, taken);
    end(e);
}

static void interrupt_later(void *arg)
{
    plat_thread_yield(20 * MILLISECOND_NS);
    struct core_wakes wakes = {.count = 0};
    core_sleeper_interrupt_later(arg, &wakes);
    core_wakes_send(&wakes);
}

static void signals_end_a_wait(void **state)
{
    (void)state;
    struct ends e = new_pipe(0);
    struct plat_worker *w = start(interrupt_later, sleeper(0));
    assert_int_equal(take(e, 1), -LX_EINTR);
    plat_worker_join(w);
    sleeper(0)->interrupt = 0;
    assert_int_equal(put(e, CAPACITY - 4096), CAPACITY - 4096);
    w = start(interrupt_later, sleeper(0));
    assert_int_equal(put(e, 5000), 4096); /* what was written counts */
    plat_worker_join(w);
    assert_int_equal(put(e, 1), -LX_EINTR);
    sleeper(0)->interrupt = 0;
    end(e);
}

static struct vfs_inode *new_fifo(void)
{
    struct vfs_inode *inode;
    assert_int_equal(vfs_inode_new(vfs_root()->super, LX_S_IFIFO | 0600, 0, 0, 0, NULL, &inode), 0);
    return inode;
}

static void open_writer(void *arg)
{
    struct vfs_file *writer;
    plat_thread_yield(20 * MILLISECOND_NS);
    if (vfs_file_open(arg, LX_O_WRONLY, sleeper(1), &writer) == 0)
        vfs_file_put(writer); /* gone before the reader looks: it was there all the same */
}

static void fifos_wait_for_their_other_end(void **state)
{
    (void)state;
    struct vfs_inode *fifo = new_fifo();
    struct ends e;
    assert_int_equal(vfs_file_open(fifo, LX_O_WRONLY | LX_O_NONBLOCK, sleeper(0), &e.writer),
                     -LX_ENXIO);
    assert_null(e.writer);
    assert_null(fifo->pipe);
    for (int i = 0; i < 10; i++) {
        struct plat_worker *w = start(open_writer, fifo);
        assert_int_equal(vfs_file_open(fifo, LX_O_RDONLY, sleeper(0), &e.reader), 0);
        plat_worker_join(w);
        assert_int_equal(take(e, 1), 0);
        vfs_file_put(e.reader);
    }
    struct plat_worker *w = start(interrupt_later, sleeper(0));
    assert_int_equal(vfs_file_open(fifo, LX_O_RDONLY, sleeper(0), &e.reader), -LX_EINTR);
    plat_worker_join(w);
    sleeper(0)->interrupt = 0;
    assert_null(fifo->pipe);

    assert_int_equal(vfs_file_open(fifo, LX_O_RDONLY | LX_O_NONBLOCK, sleeper(0), &e.reader), 0);
    assert_int_equal(take(e, 1), 0);
    assert_int_equal(vfs_file_open(fifo, LX_O_WRONLY, sleeper(0), &e.writer), 0);
    assert_int_equal(take(e, 1), -LX_EAGAIN);
    assert_int_equal(put(e, 3), 3);
    assert_int_equal(take(e, 5), 3);
    end(e);
    assert_int_equal(vfs_file_open(fifo, LX_O_RDWR, sleeper(0), &e.writer), 0);
    assert_int_equal(put(e, 3), 3);
    assert_int_equal(vfs_file_read(e.writer, g_in, 5, sleeper(0)), 3);
    vfs_file_put(e.writer);
    vfs_inode_put(fifo);
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        tidy_test(bytes_come_out_in_order),
        tidy_test(without_waiting),
        tidy_test(the_other_end_counts),
        tidy_test(each_end_has_its_direction),
        tidy_test(sizes_change),
        tidy_test(packets_stay_apart),
        tidy_test(memory_follows_what_is_in_it),
        tidy_test(splices_move_and_tees_copy),
        tidy_test(many_readers_take_all),
        tidy_test(writers_wait_for_room_and_readers_for_bytes),
        tidy_test(signals_end_a_wait),
        tidy_test(fifos_wait_for_their_other_end),
    };
    return cmocka_run_group_tests(tests, mount_empty, NULL);
}
