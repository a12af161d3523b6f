/* SPDX-License-Identifier: MIT */
/* Locks on files: of processes, for which descriptor tables stand here, and of open files. */

#include "vfs/lock.h"

#include "sleeper.h"
#include "vfs/fdtable.h"
#include "vfs/file.h"

struct locked {
    struct vfs_inode *inode;
    struct vfs_file *file[2];
    struct vfs_fdtable *fds[3];
};

static struct locked *g_locked;

static int open_files(void **state)
{
    static struct locked l;
    note_used(state);
    g_locked = &l;
    if (vfs_inode_new(vfs_root()->super, REG | 0600, 0, 0, 0, NULL, &l.inode) < 0)
        return -1;
    for (uint32_t i = 0; i < COUNT(l.file); i++)
        if (vfs_file_open(l.inode, LX_O_RDWR, sleeper(0), &l.file[i]) < 0)
            return -1;
    for (uint32_t i = 0; i < COUNT(l.fds); i++)
        if (vfs_fdtable_new(64, &l.fds[i]) < 0)
            return -1;
    return 0;
}

static int close_files(void **state)
{
    for (uint32_t i = 0; i < COUNT(g_locked->file); i++)
        vfs_file_put(g_locked->file[i]);
    for (uint32_t i = 0; i < COUNT(g_locked->fds); i++)
        vfs_fdtable_free(g_locked->fds[i]);
    vfs_inode_put(g_locked->inode);
    return check_used(state);
}

static struct vfs_lock of_process(uint32_t n, int16_t type, uint64_t begin, uint64_t end)
{
    return (struct vfs_lock){.kind = VFS_LOCK_PROCESS,
                             .type = type,
                             .pid = 10 + (int32_t)n,
                             .owner = g_locked->fds[n],
                             .begin = begin,
                             .end = end};
}

static int set(uint32_t n, int16_t type, uint64_t begin, uint64_t end)
{
    const struct vfs_lock l = of_process(n, type, begin, end);
    return vfs_lock_set(g_locked->file[0], &l, 0, sleeper(n));
}

static int set_waiting(uint32_t n, int16_t type, uint64_t begin, uint64_t end)
{
    const struct vfs_lock l = of_process(n, type, begin, end);
    return vfs_lock_set(g_locked->file[0], &l, 1, sleeper(n));
}

/* What byte by byte is locked by process 0, as a string of r, w and '.'. */
static const char *map(void)
{
    static char text[33];
    for (uint64_t i = 0; i < 32; i++) {
        struct vfs_lock l = of_process(2, LX_F_WRLCK, i, i);
        vfs_lock_test(g_locked->file[0], &l);
        text[i] = l.type == LX_F_UNLCK ? '.' : l.type == LX_F_RDLCK ? 'r' : 'w';
    }
    return text;
}

static void locks_are_cut_and_joined(void **state)
{
    (void)state;
    assert_int_equal(set(0, LX_F_WRLCK, 4, 7), 0);
    assert_int_equal(set(0, LX_F_WRLCK, 12, 15), 0);
    assert_string_equal(map(), "....wwww....wwww................");
    assert_int_equal(set(0, LX_F_RDLCK, 8, 11), 0);
    assert_string_equal(map(), "....wwwwrrrrwwww................");
    assert_int_equal(set(0, LX_F_RDLCK, 6, 13), 0);
    assert_string_equal(map(), "....wwrrrrrrrrww................");
    assert_int_equal(set(0, LX_F_UNLCK, 9, 9), 0);
    assert_string_equal(map(), "....wwrrr.rrrrww................");
    assert_int_equal(set(0, LX_F_RDLCK, 9, 9), 0);
    assert_int_equal(set(0, LX_F_WRLCK, 0, 1), 0);
    assert_string_equal(map(), "ww..wwrrrrrrrrww................");
    assert_int_equal(set(0, LX_F_WRLCK, 1, 20), 0);
    assert_string_equal(map(), "wwwwwwwwwwwwwwwwwwwww...........");
    assert_int_equal(g_locked->inode->lock_count, 1);
    assert_int_equal(set(0, LX_F_RDLCK, 5, 6), 0);
    assert_int_equal(g_locked->inode->lock_count, 3);
    assert_int_equal(set(0, LX_F_UNLCK, 0, VFS_LOCK_END), 0);
    assert_int_equal(g_locked->inode->lock_count, 0);
}

/* Against a model: an array of bytes for each of two owners. */
static void any_changes_agree_with_bytes(void **state)
{
    (void)state;
    char model[2][33] = {"................................", "................................"};
    uint32_t seed = 12345;
    for (long i = test_count(20000, 1000000); i > 0; i--) {
        seed = seed * 1664525 + 1013904223;
        uint32_t n = seed >> 31, begin = seed >> 8 & 31, end = begin + (seed >> 16 & 7);
        int16_t type = (int16_t)((seed >> 24 & 127) % 3);
        end = end > 31 ? 31 : end;
        int free = 1;
        for (uint32_t k = begin; k <= end; k++) {
            char other = model[!n][k];
            free &= type == LX_F_UNLCK || other == '.' || (type == LX_F_RDLCK && other == 'r');
        }
        assert_int_equal(set(n, type, begin, end), free ? 0 : -LX_EAGAIN);
        for (uint32_t k = begin; free && k <= end; k++)
            model[n][k] = "rw."[type];
        for (uint64_t k = 0; k < 32; k++) {
            struct vfs_lock l = of_process(!n, LX_F_WRLCK, k, k);
            vfs_lock_test(g_locked->file[0], &l);
            assert_int_equal("rw."[l.type], model[n][k]);
        }
    }
    vfs_lock_forget_process(g_locked->file[0], g_locked->fds[0]);
    vfs_lock_forget_process(g_locked->file[1], g_locked->fds[1]);
    assert_int_equal(g_locked->inode->lock_count, 0);
}

static _Atomic int g_result;

static void wait_as_1(void *arg)
{
    (void)arg;
    g_result = set_waiting(1, LX_F_WRLCK, 0, 0);
}

static void until_it_sleeps(uint32_t n)
{
    while (sleeper(n)->word != PLAT_PARK_SLEEPING)
        plat_thread_yield(MILLISECOND_NS);
}

static void circles_are_refused(void **state)
{
    (void)state;
    g_result = 1;
    assert_int_equal(set(0, LX_F_WRLCK, 0, 0), 0);
    assert_int_equal(set(1, LX_F_WRLCK, 1, 1), 0);
    struct plat_worker *w = start(wait_as_1, NULL);
    until_it_sleeps(1);
    assert_int_equal(set(0, LX_F_RDLCK, 1, 1), -LX_EAGAIN); /* without waiting there is none */
    assert_int_equal(set_waiting(0, LX_F_WRLCK, 1, 1), -LX_EDEADLK);
    assert_int_equal(set(2, LX_F_WRLCK, 2, 2), 0);
    assert_int_equal(set_waiting(0, LX_F_WRLCK, 3, 3), 0);
    assert_int_equal(g_result, 1);
    assert_int_equal(set(0, LX_F_UNLCK, 0, 0), 0);
    plat_worker_join(w);
    assert_int_equal(g_result, 0);
    for (uint32_t i = 0; i < 3; i++)
        vfs_lock_forget_process(g_locked->file[0], g_locked->fds[i]);
}

static _Atomic int g_other;

static void wait_as_0(void *arg)
{
    (void)arg;
    g_other = set_waiting(0, LX_F_WRLCK, 1, 1);
}

/* Two are in the way of who waits; the first of them lets go, and is free to wait for him. */
static void who_has_let_go_closes_no_circle(void **state)
{
    (void)state;
    g_result = g_other = 1;
    assert_int_equal(set(0, LX_F_RDLCK, 0, 0), 0);
    assert_int_equal(set(2, LX_F_RDLCK, 0, 0), 0);
    assert_int_equal(set(1, LX_F_WRLCK, 1, 1), 0);
    struct plat_worker *first = start(wait_as_1, NULL);
    until_it_sleeps(1);
    assert_int_equal(set(0, LX_F_UNLCK, 0, 0), 0);
    struct plat_worker *second = start(wait_as_0, NULL);
    while (sleeper(0)->word != PLAT_PARK_SLEEPING && g_other == 1)
        plat_thread_yield(MILLISECOND_NS);
    assert_int_equal(g_result, 1);
    assert_int_equal(g_other, 1);
    assert_int_equal(set(2, LX_F_UNLCK, 0, 0), 0);
    plat_worker_join(first);
    assert_int_equal(g_result, 0);
    assert_int_equal(set(1, LX_F_UNLCK, 1, 1), 0);
    plat_worker_join(second);
    assert_int_equal(g_other, 0);
    for (uint32_t i = 0; i < 3; i++)
        vfs_lock_forget_process(g_locked->file[0], g_locked->fds[i]);
}

static void closing_any_descriptor_ends_a_process_locks(void **state)
{
    (void)state;
    struct vfs_file *closed;
    struct vfs_fdtable *fds = g_locked->fds[0];
    assert_int_equal(vfs_fdtable_add(fds, g_locked->file[0], 0, 0, 64), 0);
    assert_int_equal(vfs_fdtable_add(fds, g_locked->file[1], 0, 0, 64), 1);
    assert_int_equal(set(0, LX_F_WRLCK, 0, 5), 0);
    assert_int_equal(set(1, LX_F_WRLCK, 10, 15), 0);
    assert_int_equal(vfs_fdtable_remove(fds, 1, &closed), 0);
    vfs_file_put(closed);
    assert_string_equal(map(), "..........wwwwww................");
    assert_int_equal(set(0, LX_F_WRLCK, 0, 5), 0);
    vfs_fdtable_free(fds); /* the end of the process */
    g_locked->fds[0] = NULL;
    assert_string_equal(map(), "..........wwwwww................");
    vfs_lock_forget_process(g_locked->file[0], g_locked->fds[1]);
}

static void open_files_have_their_own(void **state)
{
    (void)state;
    struct vfs_lock l = {.kind = VFS_LOCK_FLOCK,
                         .type = LX_F_WRLCK,
                         .owner = g_locked->file[0],
                         .end = VFS_LOCK_END};
    assert_int_equal(vfs_lock_set(g_locked->file[0], &l, 0, sleeper(0)), 0);
    assert_int_equal(set(0, LX_F_WRLCK, 0, 5), 0); /* another name space */
    l.owner = g_locked->file[1];
    assert_int_equal(vfs_lock_set(g_locked->file[1], &l, 0, sleeper(0)), -LX_EAGAIN);
    l.kind = VFS_LOCK_FILE;
    assert_int_equal(vfs_lock_set(g_locked->file[1], &l, 0, sleeper(0)), -LX_EAGAIN);
    vfs_lock_forget_process(g_locked->file[0], g_locked->fds[0]);
    assert_int_equal(vfs_lock_set(g_locked->file[1], &l, 0, sleeper(0)), 0);
    vfs_file_put(g_locked->file[0]);
    g_locked->file[0] = NULL;
    l.kind = VFS_LOCK_FLOCK;
    assert_int_equal(vfs_lock_set(g_locked->file[1], &l, 0, sleeper(0)), 0);
}

#define lock_test(f) cmocka_unit_test_setup_teardown(f, open_files, close_files)

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        lock_test(locks_are_cut_and_joined),
        lock_test(any_changes_agree_with_bytes),
        lock_test(circles_are_refused),
        lock_test(who_has_let_go_closes_no_circle),
        lock_test(closing_any_descriptor_ends_a_process_locks),
        lock_test(open_files_have_their_own),
    };
    return cmocka_run_group_tests(tests, mount_empty, NULL);
}
