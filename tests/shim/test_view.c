/* SPDX-License-Identifier: MIT */
/*
 * Shared mappings of two address spaces in two guest hosts: what fork does with them.  The
 * second says by its exit code what it finds wrong.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/arena.h"
#include "core/segment.h"
#include "core/shared.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/mman.h"
#include "memory/area.h"
#include "memory/view.h"
#include "mkimage.h"
#include "plat/plat.h"
#include "shim/memory.h"
#include "vfs/file.h"
#include "vfs/image.h"
#include "vfs/inode.h"
#include "vfs/memfd.h"
#include "vfs/path.h"

#define ROLE_CHILD "--child"
#define FINE 7
#define PAGE 4096u
#define GRANULE PLAT_GRANULE
#define BOTH (LX_PROT_READ | LX_PROT_WRITE)
#define SHARED (LX_MAP_SHARED | LX_MAP_ANONYMOUS)

/* In the arena: what the child is to find. */
struct told {
    struct shim_mm *mm, *parent;
    struct vfs_file *memfd;
    uint64_t anonymous, file, kept_away;
};

static struct told *told(void)
{
    return core_arena_root(CORE_ROOT_RUNNER);
}

/* Asks the host, which fails where an access would fault. */
static int is_readable(uint64_t addr)
{
    struct plat_file *f;
    assert_int_equal(plat_file_temporary(&f), 0);
    int64_t n = plat_file_pwrite(f, (const void *)addr, 1, 0);
    plat_file_close(f);
    return n == 1;
}

/* Does the host have anything there? */
static int is_mapped(uint64_t addr)
{
    uint64_t granule = addr / GRANULE * GRANULE;
    if (plat_mem_reserve(granule, GRANULE) < 0)
        return 1;
    plat_mem_release(granule, GRANULE);
    return 0;
}

static int child(void)
{
    struct told *t = told();
    char text[8];
    uint64_t key[2], other[2];
    /* On Linux a guest host is a copy of the launcher: here that has mappings of its own. */
    for (const struct view *v = t->parent->views; v; v = v->next)
        core_shared_unmap(v->begin, v->end - v->begin);
    if (view_attach(t->mm) < 0)
        return 11;
    char *a = (char *)t->anonymous, *f = (char *)t->file;
    if (strcmp(a, "parent") != 0 || strcmp(a + 3 * PAGE, "parent") != 0)
        return 12;
    if (is_readable(t->anonymous + PAGE) || is_readable(t->anonymous + 5 * PAGE))
        return 13; /* protected, and unmapped */
    if (is_readable(t->kept_away))
        return 14; /* MADV_DONTFORK */
    if (strcmp(f, "in the file") != 0)
        return 15;
    strcpy(a + 3 * PAGE, "child");
    strcpy(f, "child");
    if (vfs_file_pread(t->memfd, text, 6, GRANULE) != 6 || strcmp(text, "child") != 0)
        return 16;
    if (vfs_file_pwrite(t->memfd, "written", 8, GRANULE + PAGE) != 8 ||
        strcmp(f + PAGE, "written") != 0)
        return 17;

    /* As any mapping: it can be moved, and unmapped in part. */
    int64_t moved = shim_mm_remap(t->mm, t->file, 2 * PAGE, 2 * PAGE, LX_MREMAP_MAYMOVE, 0);
    if (moved != (int64_t)t->file)
        return 18;
    moved = shim_mm_map(t->mm, 0, 2 * PAGE, LX_PROT_READ, LX_MAP_SHARED, t->memfd, GRANULE);
    if (moved < 0 || strcmp((char *)moved, "child") != 0)
        return 19;
    if (shim_mm_futex_key(t->mm, (uint64_t)moved + 8, key) < 0 ||
        shim_mm_futex_key(t->mm, t->file + 8, other) < 0 || memcmp(key, other, sizeof key) != 0)
        return 20;
    if (shim_mm_unmap(t->mm, t->anonymous, 4 * PAGE) < 0 || is_readable(t->anonymous))
        return 21;
    view_forget_all(t->mm, 1);
    return is_readable((uint64_t)moved) || is_readable(t->file) ? 22 : FINE;
}

static void guest_host(const char *role)
{
    (void)role;
    plat_exit(core_arena_attach() < 0 ? 10 : child());
}

static uint64_t map(struct shim_mm *mm, uint64_t size, uint32_t flags, struct vfs_file *file,
                    uint64_t offset)
{
    int64_t at = shim_mm_map(mm, 0, size, BOTH, flags, file, offset);
    assert_true(at > 0);
    return (uint64_t)at;
}

/* As fork does it: the areas but those of MADV_DONTFORK, then the views under them. */
static struct shim_mm *clone_mm(const struct shim_mm *parent)
{
    struct shim_mm *mm;
    assert_int_equal(shim_mm_new(&mm), 0);
    for (uint32_t i = 0; i < parent->count; i++) {
        if (parent->areas[i].flags & AREA_DONTFORK)
            continue;
        area_get(&parent->areas[i]);
        assert_int_equal(area_insert(mm, &parent->areas[i]), 0);
    }
    assert_int_equal(view_clone(parent, mm), 0);
    return mm;
}

static void a_child_sees_and_changes_what_is_shared(void **state)
{
    struct shim_mm *mm;
    struct told *t = told();
    const struct vfs_cred cred = {.uid = 0};
    (void)state;
    uint64_t objects = core_shared_count();
    assert_int_equal(shim_mm_new(&mm), 0);
    assert_int_equal(vfs_memfd_new(&cred, "test", LX_MFD_ALLOW_SEALING, &t->memfd), 0);
    assert_int_equal(vfs_file_truncate(t->memfd, 4 * GRANULE), 0);
    t->anonymous = map(mm, 8 * PAGE, SHARED, NULL, 0);
    t->kept_away = map(mm, PAGE, SHARED, NULL, 0);
    t->file = map(mm, 2 * PAGE, LX_MAP_SHARED, t->memfd, GRANULE);
    assert_int_equal(core_shared_count(), objects + 3);
    char *a = (char *)t->anonymous;
    strcpy(a, "parent");
    strcpy(a + 3 * PAGE, "parent");
    strcpy((char *)t->file, "in the file");
    assert_int_equal(shim_mm_protect(mm, t->anonymous, PAGE, LX_PROT_READ), 0);
    assert_int_equal(shim_mm_protect(mm, t->anonymous + PAGE, PAGE, LX_PROT_NONE), 0);
    assert_int_equal(shim_mm_unmap(mm, t->anonymous + 4 * PAGE, 4 * PAGE), 0);
    assert_int_equal(shim_mm_advise(mm, t->kept_away, PAGE, LX_MADV_DONTFORK), 0);

    t->parent = mm;
    t->mm = clone_mm(mm);
    assert_int_equal(vfs_memfd_add_seals(t->memfd, LX_F_SEAL_WRITE), -LX_EBUSY);
    struct plat_process *p;
    int32_t code;
    assert_int_equal(plat_process_spawn(guest_host, ROLE_CHILD, NULL, 0, &p), 0);
    assert_int_equal(plat_process_wait(p, PLAT_FOREVER, &code), 0);
    assert_int_equal(code, FINE);
    plat_process_free(p);
    assert_string_equal(a, "parent");
    assert_string_equal(a + 3 * PAGE, "child");
    assert_string_equal((char *)t->file, "child");
    assert_string_equal((char *)t->file + PAGE, "written");

    /* The last of the two address spaces takes the objects along; the file is the memfd's. */
    shim_mm_put(t->mm);
    assert_string_equal(a + 3 * PAGE, "child");
    assert_int_equal(core_shared_count(), objects + 3);
    assert_int_equal(vfs_memfd_add_seals(t->memfd, LX_F_SEAL_WRITE), -LX_EBUSY);
    view_forget_all(mm, 1);
    assert_false(is_mapped(t->anonymous));
    shim_mm_put(mm);
    assert_int_equal(core_shared_count(), objects + 1);
    assert_int_equal(vfs_memfd_add_seals(t->memfd, LX_F_SEAL_WRITE), 0);
    vfs_file_put(t->memfd);
    assert_int_equal(core_shared_count(), objects);
}

static void keys_are_of_the_object_or_the_address_space(void **state)
{
    struct shim_mm *mm;
    uint64_t key[2];
    (void)state;
    assert_int_equal(shim_mm_new(&mm), 0);
    uint64_t shared = map(mm, 2 * PAGE, SHARED, NULL, 0);
    uint64_t private = map(mm, PAGE, LX_MAP_PRIVATE | LX_MAP_ANONYMOUS, NULL, 0);
    assert_int_equal(shim_mm_futex_key(mm, shared + PAGE + 4, key), 0);
    assert_true(key[0] != (uint64_t)(uintptr_t)mm);
    assert_int_equal(key[1], PAGE + 4);
    assert_int_equal(shim_mm_futex_key(mm, private + 4, key), 0);
    assert_true(key[0] == (uint64_t)(uintptr_t)mm && key[1] == private + 4);
    assert_int_equal(shim_mm_futex_key(mm, private + PAGE, key), -LX_EFAULT);
    view_forget_all(mm, 1);
    assert_int_equal(shim_mm_unmap(mm, private, PAGE), 0);
    shim_mm_put(mm);
}

/* Nothing is left behind, however the mappings went. */
static void views_go_with_their_areas(void **state)
{
    struct shim_mm *mm;
    (void)state;
    assert_int_equal(shim_mm_new(&mm), 0);
    for (uint32_t pages = 1; pages < 40; pages += 3) {
        uint64_t at = map(mm, pages * PAGE, SHARED, NULL, 0);
        memset((void *)at, 1, pages * PAGE);
        for (uint32_t i = 0; i < pages; i += 2)
            assert_int_equal(shim_mm_unmap(mm, at + i * PAGE, PAGE), 0);
        assert_int_equal(is_mapped(at), pages > 1);
        assert_int_equal(shim_mm_unmap(mm, at, pages * PAGE), 0);
        assert_false(is_mapped(at));
        assert_null(mm->views);
        assert_int_equal(mm->mapped, 0);
        assert_int_equal(mm->committed, 0);
    }
    assert_int_equal(core_shared_count(), 0);
    shim_mm_put(mm);
}

/* A file system, for memfds' inodes. */
static int make_tree(void **state)
{
    static const struct mkimage_row root = {MKIMAGE_DIR("/", 0755)};
    static struct mkimage image;
    struct vfs_image open;
    (void)state;
    mkimage_build(&root, 1, &image);
    if (mkimage_open(&image, &open) < 0)
        return -1;
    vfs_image_attach(&open);
    return vfs_init();
}

int main(int argc, char **argv)
{
    if (plat_start(&argc, &argv) < 0)
        return 2;
    if (argc == 2 && strcmp(argv[1], ROLE_CHILD) == 0)
        guest_host(argv[1]);
    if (core_arena_create() < 0 || core_segment_init() < 0 || core_shared_init() < 0)
        return 2;
    struct told *t = core_arena_alloc(sizeof *t);
    if (!t)
        return 2;
    core_arena_set_root(CORE_ROOT_RUNNER, t);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_sees_and_changes_what_is_shared),
        cmocka_unit_test(keys_are_of_the_object_or_the_address_space),
        cmocka_unit_test(views_go_with_their_areas),
    };
    return cmocka_run_group_tests(tests, make_tree, NULL);
}
