/* SPDX-License-Identifier: MIT */
/* Descriptor tables. */

#include "vfs/fdtable.h"

#include <stdatomic.h>

#include "sleeper.h"
#include "vfs/event.h"
#include "vfs/file.h"

#define LIMIT 300
#define NO_SOFT_LIMIT UINT64_MAX

static struct vfs_file *new_file(void)
{
    struct vfs_file *f;
    assert_int_equal(vfs_eventfd_new(0, 0, &f), 0);
    return f;
}

/* A table with descriptors 0 to count - 1, all the same file, whose only other reference is ours. */
static struct vfs_fdtable *table_with(int32_t count, struct vfs_file **file)
{
    struct vfs_fdtable *t;
    assert_int_equal(vfs_fdtable_new(LIMIT, &t), 0);
    *file = new_file();
    for (int32_t fd = 0; fd < count; fd++)
        assert_int_equal(vfs_fdtable_add(t, *file, 0, 0, NO_SOFT_LIMIT), fd);
    return t;
}

static void end(struct vfs_fdtable *t, struct vfs_file *file)
{
    vfs_fdtable_free(t);
    assert_int_equal(file->refs, 1);
    vfs_file_put(file);
}

static void remove_fd(struct vfs_fdtable *t, int32_t fd)
{
    struct vfs_file *old;
    assert_int_equal(vfs_fdtable_remove(t, fd, &old), 0);
    vfs_file_put(old);
}

static void the_lowest_free_one_is_given(void **state)
{
    (void)state;
    struct vfs_file *f;
    struct vfs_fdtable *t = table_with(100, &f); /* it grows on the way */
    static const struct {
        int32_t remove; /* or -1 */
        int32_t first, want;
    } rows[] = {
        {50, 0, 50}, {50, 51, 100}, {-1, 0, 50},    {3, 0, 3},      {7, 8, 101},
        {3, 7, 7},   {-1, 0, 3},    {-1, 200, 200}, {-1, 150, 150}, {-1, 0, 102},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].remove >= 0)
            remove_fd(t, rows[i].remove);
        assert_int_equal(vfs_fdtable_add(t, f, 0, rows[i].first, NO_SOFT_LIMIT), rows[i].want);
    }
    end(t, f);
}

static void limits_hold(void **state)
{
    (void)state;
    struct vfs_file *f, *old;
    struct vfs_fdtable *t = table_with(5, &f);
    assert_int_equal(vfs_fdtable_add(t, f, 0, 0, 5), -LX_EMFILE);
    assert_int_equal(vfs_fdtable_add(t, f, 0, 5, 5), -LX_EINVAL);
    assert_int_equal(vfs_fdtable_add(t, f, 0, -1, 5), -LX_EINVAL);
    assert_int_equal(vfs_fdtable_add(t, f, 0, 0, 0), -LX_EMFILE);
    assert_int_equal(vfs_fdtable_add(t, f, 0, LIMIT, NO_SOFT_LIMIT), -LX_EINVAL);
    assert_int_equal(vfs_fdtable_add(t, f, 0, LIMIT - 1, NO_SOFT_LIMIT), LIMIT - 1);
    assert_int_equal(vfs_fdtable_add(t, f, 0, LIMIT - 1, NO_SOFT_LIMIT), -LX_EMFILE);
    assert_int_equal(vfs_fdtable_replace(t, LIMIT, f, 0, &old), -LX_EBADF);
    assert_null(old);
    assert_int_equal(vfs_fdtable_replace(t, -1, f, 0, &old), -LX_EBADF);
    end(t, f);
}

static void bad_descriptors_are_ebadf(void **state)
{
    (void)state;
    struct vfs_file *f, *found;
    struct vfs_fdtable *t = table_with(3, &f);
    static const int32_t bad[] = {-1, INT32_MIN, 3, 64, LIMIT, INT32_MAX};
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint32_t flags;
        found = f;
        assert_int_equal(vfs_fdtable_get(t, bad[i], &found), -LX_EBADF);
        assert_null(found);
        assert_int_equal(vfs_fdtable_remove(t, bad[i], &found), -LX_EBADF);
        assert_null(found);
        assert_int_equal(vfs_fdtable_flags(t, bad[i], &flags), -LX_EBADF);
        assert_int_equal(vfs_fdtable_set_flags(t, bad[i], 0), -LX_EBADF);
    }
    assert_int_equal(vfs_fdtable_get(t, 2, &found), 0);
    assert_ptr_equal(found, f);
    vfs_file_put(found);
    end(t, f);
}

static void replace_hands_over_the_old_file(void **state)
{
    (void)state;
    struct vfs_file *f, *old, *other = new_file();
    struct vfs_fdtable *t = table_with(3, &f);
    uint32_t flags;
    assert_int_equal(vfs_fdtable_replace(t, 1, other, VFS_FD_CLOEXEC, &old), 0);
    assert_ptr_equal(old, f);
    vfs_file_put(old);
    assert_int_equal(vfs_fdtable_flags(t, 1, &flags), 0);
    assert_int_equal(flags, VFS_FD_CLOEXEC);
    assert_int_equal(vfs_fdtable_replace(t, 1, f, 0, &old), 0); /* the flags go with it */
    assert_ptr_equal(old, other);
    vfs_file_put(old);
    assert_int_equal(vfs_fdtable_flags(t, 1, &flags), 0);
    assert_int_equal(flags, 0);
    assert_int_equal(vfs_fdtable_replace(t, 250, f, 0, &old), 0);
    assert_null(old);
    assert_int_equal(vfs_fdtable_add(t, f, 0, 0, NO_SOFT_LIMIT), 3);
    assert_int_equal(other->refs, 1);
    vfs_file_put(other);
    end(t, f);
}

static void open_ones_are_found_in_order(void **state)
{
    (void)state;
    struct vfs_file *f, *old;
    struct vfs_fdtable *t = table_with(2, &f);
    assert_int_equal(vfs_fdtable_replace(t, 9, f, 0, &old), 0);
    assert_int_equal(vfs_fdtable_next(t, 0), 0);
    assert_int_equal(vfs_fdtable_next(t, 2), 9);
    assert_int_equal(vfs_fdtable_next(t, 10), -1);
    assert_int_equal(vfs_fdtable_next(t, LIMIT), -1);
    end(t, f);
}

struct crowd {
    struct vfs_fdtable *t;
    struct vfs_file *file;
    _Atomic uint32_t owners[LIMIT], errors;
};

static void take_and_give_back(void *arg)
{
    struct crowd *c = arg;
    for (int i = 0; i < 3000; i++) {
        struct vfs_file *found, *old;
        int32_t fd = vfs_fdtable_add(c->t, c->file, 0, i % 3, NO_SOFT_LIMIT);
        if (fd < 0 || atomic_fetch_add(&c->owners[fd], 1) != 0 ||
            vfs_fdtable_get(c->t, fd, &found) < 0) {
            c->errors++;
            return;
        }
        vfs_file_put(found);
        if (vfs_fdtable_get(c->t, i % 8, &found) == 0) /* another's, who is about to close it */
            vfs_file_put(found);
        atomic_fetch_sub(&c->owners[fd], 1);
        if (vfs_fdtable_remove(c->t, fd, &old) < 0)
            c->errors++;
        vfs_file_put(old);
    }
}

static void a_single_user_borrows_without_a_reference(void **state)
{
    (void)state;
    struct vfs_file *f;
    struct vfs_fdtable *t = table_with(1, &f);
    struct vfs_borrowed b;
    uint32_t refs = f->refs;
    vfs_fdtable_add_user(t);
    assert_int_equal(vfs_fdtable_borrow(t, 0, &b), 0);
    assert_ptr_equal(b.file, f);
    assert_int_equal(f->refs, refs);
    vfs_give_back(&b);
    static const int32_t bad[] = {-1, INT32_MIN, 1, 63, 64, LIMIT, INT32_MAX};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(vfs_fdtable_borrow(t, bad[i], &b), -LX_EBADF);
        vfs_give_back(&b);
    }

    /* With two, the file must outlive a close by the other, also when that one ends. */
    vfs_fdtable_add_user(t);
    assert_int_equal(vfs_fdtable_borrow(t, 0, &b), 0);
    assert_int_equal(f->refs, refs + 1);
    remove_fd(t, 0);
    vfs_fdtable_remove_user(t);
    assert_ptr_equal(b.file, f);
    vfs_give_back(&b);
    vfs_fdtable_remove_user(t);
    end(t, f);
}

static void threads_never_share_a_descriptor(void **state)
{
    (void)state;
    for (uint32_t users = 0; users < 3; users += 2) {
        struct crowd c = {0};
        struct plat_worker *w[4];
        c.t = table_with(0, &c.file);
        for (uint32_t i = 0; i < users; i++)
            vfs_fdtable_add_user(c.t);
        for (int i = 0; i < 4; i++)
            w[i] = start(take_and_give_back, &c);
        for (int i = 0; i < 4; i++)
            plat_worker_join(w[i]);
        assert_int_equal(c.errors, 0);
        assert_int_equal(vfs_fdtable_next(c.t, 0), -1);
        end(c.t, c.file);
    }
}

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        tidy_test(the_lowest_free_one_is_given),
        tidy_test(limits_hold),
        tidy_test(bad_descriptors_are_ebadf),
        tidy_test(replace_hands_over_the_old_file),
        tidy_test(open_ones_are_found_in_order),
        tidy_test(a_single_user_borrows_without_a_reference),
        tidy_test(threads_never_share_a_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
