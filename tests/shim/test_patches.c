/* SPDX-License-Identifier: MIT */
/* shim/patches.c and shim/rewrite/kept.c: tables are added, found again, and not trusted. */

#include "shim/patches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/arena.h"
#include "core/segment.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "shim/rewrite.h"
#include "shim/task.h"

#define BASE 0x400000u

static const struct shim_images no_images;

static const struct vfs_image_key one = {1, 11}, two = {2, 22};

/* A table of `edits` edits, which only its size tells from others. */
static void add_table(struct vfs_image_key key, uint64_t addr, uint32_t edits)
{
    struct shim_rewrite_table t = {
        .magic = SHIM_REWRITE_MAGIC, .edit_count = edits, .edits = sizeof t, .span = edits};
    t.size = (uint32_t)(sizeof t + edits * sizeof(struct shim_rewrite_edit));
    struct shim_rewrite_table *table = calloc(1, t.size);
    assert_non_null(table);
    *table = t;
    shim_patches_add(key, addr, table);
    free(table);
}

/* Join the old file and what was added; what was added is forgotten. */
static void *join(const void *old, uint64_t *size)
{
    void *file;
    assert_int_equal(shim_patches_join(old, 0, &file, size), 0);
    shim_container()->new_patches = NULL;
    return file;
}

static void expect_table(struct vfs_image_key key, uint64_t addr, uint32_t edits)
{
    const struct shim_rewrite_table *t = shim_patches_find(key, addr);
    assert_non_null(t);
    assert_int_equal(t->edit_count, edits);
    assert_int_equal((uintptr_t)t % 8, 0);
}

static void tables_are_found_again(void **state)
{
    (void)state;
    uint64_t size, larger;
    shim_patches_use(NULL, NULL);
    assert_null(shim_patches_find(one, BASE));
    assert_null(join(NULL, &size));
    add_table(one, BASE, 3);
    add_table(two, BASE, 5);
    void *file = join(NULL, &size);
    assert_int_equal(shim_patches_check(file, size, &no_images), 0);
    shim_patches_use(file, NULL);
    expect_table(one, BASE, 3);
    expect_table(two, BASE, 5);
    assert_null(shim_patches_find(two, BASE + 4096));
    assert_null(join(file, &larger)); /* nothing to add */

    add_table(two, BASE + 4096, 8);
    void *next = join(file, &larger);
    assert_true(larger > size);
    free(file);
    assert_int_equal(shim_patches_check(next, larger, &no_images), 0);
    shim_patches_use(next, NULL);
    expect_table(one, BASE, 3);
    expect_table(two, BASE, 5);
    expect_table(two, BASE + 4096, 8);
    shim_patches_use(NULL, NULL);
    free(next);
}

/* 1 if the table is found and is what it was. */
static int is_sound(const void *file, uint64_t size)
{
    if (shim_patches_check(file, size, &no_images) < 0)
        return 0;
    shim_patches_use(file, NULL);
    int found = shim_patches_find(one, BASE) != NULL;
    shim_patches_use(NULL, NULL);
    return found;
}

/* Any byte that is wrong, and any that is missing. */
static void damage_is_noticed(void **state)
{
    (void)state;
    uint64_t size, joined;
    add_table(one, BASE, 3);
    uint8_t *file = join(NULL, &size);
    for (uint64_t i = 0; i < size; i++) {
        file[i] ^= 0x20;
        assert_false(is_sound(file, size));
        file[i] ^= 0x20;
    }
    for (uint64_t cut = 0; cut < size; cut++) {
        uint8_t *part = malloc(cut + 1);
        assert_non_null(part);
        memcpy(part, file, cut);
        assert_int_equal(shim_patches_check(part, cut, &no_images), -LX_EINVAL);
        free(part);
    }
    assert_true(is_sound(file, size));
    file[size - 1] ^= 1; /* what is damaged is left out of the next file */
    add_table(two, BASE, 5);
    void *next = join(file, &joined);
    assert_int_equal(shim_patches_check(next, joined, &no_images), 0);
    assert_false(is_sound(next, joined));
    shim_patches_use(next, NULL);
    expect_table(two, BASE, 5);
    shim_patches_use(NULL, NULL);
    free(next);
    free(file);
}

int main(int argc, char **argv)
{
    if (plat_start(&argc, &argv) < 0 || core_arena_create() < 0 || core_segment_init() < 0 ||
        shim_container_init() < 0) {
        fprintf(stderr, "no platform, or no arena\n");
        return 2;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_found_again),
        cmocka_unit_test(damage_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
