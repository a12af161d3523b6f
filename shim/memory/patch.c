/* SPDX-License-Identifier: MIT */
/* Patching code in the guest's memory, and finding one's way in it afterwards. */

#include "memory/patch.h"

#include <stdatomic.h>
#include <stddef.h>

#include "core/arena.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/mman.h"
#include "memory/area.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "shim/exec.h"
#include "shim/memory.h"
#include "shim/patches.h"
#include "shim/rewrite.h"
#include "shim/task.h"
#include "shim/user.h"
#include "vfs/file.h"

#define REACH 0x70000000ull /* a jump's reach, with room to spare */
#define CODE_KEPT_MIN (256u << 10)

/* A table that is not kept: in the arena, shared by the processes that have forked since. */
struct patched_table {
    _Atomic uint32_t refs;
    struct shim_rewrite_table table; /* and what follows it */
};

static uint64_t shared_size(const struct shim_rewrite_table *table)
{
    return offsetof(struct patched_table, table) + table->size;
}

static void image_free(struct patched_image *image)
{
    struct patched_table *own = image->own;
    if (own && atomic_fetch_sub(&own->refs, 1) == 1)
        core_arena_free(own, shared_size(&own->table));
    vfs_file_put(image->file);
    core_arena_free(image, sizeof *image);
}

int shim_mm_needs_fs(const struct shim_mm *mm)
{
    return (int)mm->needs_fs;
}

int patch_clone(const struct shim_mm *mm, struct shim_mm *child)
{
    struct patched_image **link = &child->images;
    child->needs_fs = mm->needs_fs;
    for (const struct patched_image *image = mm->images; image; image = image->next) {
        struct patched_image *copy = core_arena_alloc(sizeof *copy);
        if (!copy)
            return -LX_ENOMEM;
        *copy = *image;
        copy->next = NULL;
        if (copy->own)
            atomic_fetch_add(&copy->own->refs, 1);
        if (copy->file)
            vfs_file_get(copy->file);
        *link = copy;
        link = &copy->next;
    }
    return 0;
}

void patch_forget_all(struct shim_mm *mm)
{
    while (mm->images) {
        struct patched_image *image = mm->images;
        mm->images = image->next;
        image_free(image);
    }
}

static void count(const struct shim_rewrite_table *table)
{
    struct shim_container *c = shim_container();
    atomic_fetch_add(&c->patch_sites, table->syscall_sites);
    atomic_fetch_add(&c->patch_unpatched, table->syscall_unpatched);
    atomic_fetch_add(&c->tls_sites, table->tls_sites);
    atomic_fetch_add(&c->tls_unpatched, table->tls_unpatched);
}

int patch_remember(struct shim_mm *mm, uint64_t begin, const struct shim_rewrite_table *table,
                   int is_kept, struct vfs_file *file)
{
    struct patched_image *image = core_arena_alloc(sizeof *image);
    struct patched_table *own = is_kept ? NULL : core_arena_alloc(shared_size(table));
    if (!image || (!own && !is_kept)) {
        core_arena_free(image, sizeof *image);
        core_arena_free(own, shared_size(table));
        return -LX_ENOMEM;
    }
    if (own) {
        own->refs = 1;
        memcpy(&own->table, table, table->size);
    }
    image->begin = begin;
    image->end = begin + table->trampolines + shim_rewrite_trampoline_span(table);
    image->table = own ? &own->table : table;
    image->own = own;
    image->file = file ? vfs_file_get(file) : NULL;
    image->next = mm->images;
    mm->images = image;
    mm->needs_fs |= table->tls_unpatched != 0;
    count(table);
    return 0;
}

/* Decode on the host's side: the library uses its vector registers. */
static int scan_input(const struct shim_rewrite_input *in, struct shim_rewrite_table **table)
{
    plat_gate();
    return shim_rewrite_scan(in, table);
}

/* Nothing but code. */
static int scan(uint64_t begin, uint64_t end, uint64_t trampolines,
                struct shim_rewrite_table **table)
{
    const struct shim_rewrite_range text = {0, (uint32_t)(end - begin)};
    const struct shim_rewrite_input in = {
        .code = (const uint8_t *)begin,
        .size = (uint32_t)(end - begin),
        .addr = begin,
        .linked = begin,
        .text = &text,
        .text_count = 1,
        .trampolines = (uint32_t)(trampolines - begin),
    };
    return scan_input(&in, table);
}

const struct shim_rewrite_table *patch_kept(const struct vfs_image_key *key, uint64_t addr,
                                            uint64_t span)
{
    const struct shim_rewrite_table *table = key ? shim_patches_find(*key, addr) : NULL;
    return table && table->span == span && table->trampolines == span ? table : NULL;
}

int patch_table(const struct vfs_image_key *key, const struct shim_rewrite_input *in,
                const struct shim_rewrite_table **table, struct shim_rewrite_table **made)
{
    *made = NULL;
    *table = patch_kept(key, in->addr, in->size);
    if (*table)
        return 0;
    int err = scan_input(in, made);
    *table = *made;
    if (err < 0 || !key || (*made)->syscall_unpatched)
        return err;
    shim_patches_add(*key, in->addr, *made);
    const struct shim_rewrite_table *kept = patch_kept(key, in->addr, in->size);
    if (kept) {
        shim_rewrite_free(*made);
        *made = NULL;
        *table = kept;
    }
    return 0;
}

int shim_mm_trampolines(const struct vfs_image_key *key, lx_uptr begin, uint64_t *span)
{
    const struct shim_rewrite_table *table = shim_patches_find(*key, begin);
    *span = table ? shim_rewrite_trampoline_span(table) : 0;
    return table != NULL;
}

/* Map the trampolines and patch the code, unless both are there already. */
static int apply(struct shim_mm *mm, const struct shim_rewrite_table *table, uint64_t begin,
                 uint64_t end, uint64_t id, int is_here)
{
    uint64_t span = shim_rewrite_trampoline_span(table);
    if (!span)
        return is_here ? 0 : shim_rewrite_apply(table, (void *)begin);
    if (is_here)
        return shim_mm_map_text(mm, end, end + span, PLAT_READ | PLAT_EXEC, id);
    int64_t at = shim_mm_map(mm, end, span, LX_PROT_READ | LX_PROT_WRITE,
                             LX_MAP_PRIVATE | LX_MAP_ANONYMOUS | LX_MAP_FIXED_NOREPLACE, NULL, 0);
    int err = at < 0 ? (int)at : shim_rewrite_apply(table, (void *)begin);
    return err < 0 ? err : shim_mm_protect_patched(mm, end, span, LX_PROT_READ | LX_PROT_EXEC, id);
}

int shim_mm_patch_program(struct shim_mm *mm, const struct vfs_image_key *key,
                          const struct shim_rewrite_input *in, uint64_t id, int is_here,
                          uint64_t *limit, struct shim_exec_error *error)
{
    static const char failed[] = "the program cannot be patched: no memory";
    static const char unpatched[] = "the program has a system call that cannot be patched, at 0x";
    const struct shim_rewrite_table *table;
    struct shim_rewrite_table *made;
    uint64_t begin = (uint64_t)in->code, end = begin + in->size;
    *limit = end;
    int err = patch_table(key, in, &table, &made);
    if (err < 0) {
        core_str_copy(error->text, sizeof error->text, failed);
        return err;
    }
    uint64_t span = shim_rewrite_trampoline_span(table);
    if (table->syscall_unpatched) {
        size_t length = core_str_copy(error->text, sizeof error->text, unpatched);
        core_str_hex(error->text + length, begin + table->first_unpatched);
        err = -LX_ENOEXEC;
    }
    if (err == 0) {
        err = apply(mm, table, begin, end, id, is_here);
        if (err == 0)
            err = patch_remember(mm, begin, table, !made, NULL);
        if (err < 0)
            core_str_copy(error->text, sizeof error->text, failed);
    }
    *limit = end + span;
    if (made)
        shim_rewrite_free(made);
    return err;
}

int patch_map_trampolines(struct shim_mm *mm, uint64_t at, uint64_t span)
{
    const struct area a = {.begin = at,
                           .end = at + span,
                           .prot = PLAT_READ | PLAT_EXEC,
                           .flags = AREA_BACKED | AREA_PATCHED};
    int err = host_commit(a.begin, a.end, PLAT_READ | PLAT_WRITE);
    if (err < 0)
        return err;
    err = area_insert(mm, &a);
    if (err < 0)
        host_decommit(a.begin, a.end);
    else
        mm->committed += span;
    return err;
}

/*
 * Much code at once is likely to be made again, by the next process or in the next run.  So it is
 * kept that there was nothing to patch in it.
 *   key      filled for so much code.
 *   returns  1: nothing is to be patched.
 */
static int is_known_clean(uint64_t begin, uint64_t end, struct vfs_image_key *key)
{
    if (end - begin < CODE_KEPT_MIN)
        return 0;
    plat_gate();
    *key = shim_patches_key((const void *)begin, end - begin);
    return shim_patches_find(*key, SHIM_PATCHES_CODE) != NULL;
}

static void keep_clean(const struct vfs_image_key *key, const struct shim_rewrite_table *table)
{
    if (table->span >= CODE_KEPT_MIN && !table->edit_count && !table->tls_unpatched &&
        !table->syscall_unpatched && shim_patches_may_keep_code())
        shim_patches_add(*key, SHIM_PATCHES_CODE, table);
}

int patch_code(struct shim_mm *mm, uint64_t begin, uint64_t end)
{
    struct shim_rewrite_table *table;
    struct vfs_image_key key;
    if (end - begin > REACH)
        return -LX_ENOMEM;
    if (is_known_clean(begin, end, &key))
        return 0;
    int err = scan(begin, end, end, &table);
    if (err < 0)
        return err;
    keep_clean(&key, table);
    uint64_t span = shim_rewrite_trampoline_span(table), at = end;
    if (table->edit_count && span) {
        at = area_find_free(mm, end, begin + REACH, end, span); /* what came later: in its reach */
        err = at ? patch_map_trampolines(mm, at, span) : -LX_ENOMEM;
        if (err == 0 && at != end) { /* the distance to the trampolines is in their code */
            shim_rewrite_free(table);
            err = scan(begin, end, at, &table);
            if (err < 0)
                return err;
        }
    }
    if (err == 0 && table->syscall_unpatched)
        err = -LX_EACCES; /* as a security module would refuse it */
    if (err == 0 && table->edit_count)
        err = shim_rewrite_apply(table, (void *)begin);
    if (err == 0 && span)
        err = host_protect(at, at + span, PLAT_READ | PLAT_EXEC);
    if (err == 0 && (table->edit_count || table->tls_unpatched))
        err = patch_remember(mm, begin, table, 0, NULL);
    shim_rewrite_free(table);
    return err;
}

int patch_check(uint64_t begin, uint64_t end)
{
    struct shim_rewrite_table *table;
    if (end - begin > REACH)
        return -LX_ENOMEM;
    int err = scan(begin, end, end, &table);
    if (err < 0)
        return err;
    if (table->edit_count || table->syscall_unpatched || table->tls_unpatched)
        err = -LX_EACCES; /* as a security module would refuse it */
    shim_rewrite_free(table);
    return err;
}

void patch_forget(struct shim_mm *mm, uint64_t begin, uint64_t end)
{
    struct patched_image **link = &mm->images;
    while (*link) {
        struct patched_image *image = *link;
        const struct shim_rewrite_table *table = image->table;
        if (image->begin < begin || image->begin + table->span > end) {
            link = &image->next;
            continue;
        }
        /* Without memory for a split they stay, as code that nothing jumps to. */
        if (area_split(mm, image->begin + table->trampolines) == 0 &&
            area_split(mm, image->end) == 0)
            area_remove(mm, image->begin + table->trampolines, image->end);
        *link = image->next;
        image_free(image);
    }
}

static const struct patched_image *image_at(struct shim_mm *mm, lx_uptr addr)
{
    const struct patched_image *image = mm->images;
    while (image && (addr < image->begin || addr >= image->end))
        image = image->next;
    return image;
}

lx_uptr shim_mm_original_rip(struct shim_mm *mm, lx_uptr addr)
{
    const struct patched_image *image = image_at(mm, addr);
    if (!image)
        return addr;
    return image->begin + shim_rewrite_origin(image->table, (uint32_t)(addr - image->begin));
}

static int is_trampoline(struct shim_mm *mm, lx_uptr addr)
{
    return shim_mm_original_rip(mm, addr) != addr;
}

/* Is there a jump into or out of trampolines at `addr`?  Then follow it. */
static int follow_detour(struct shim_mm *mm, lx_uptr *addr)
{
    uint8_t jump[5];
    int32_t distance;
    if (shim_copy_in(jump, *addr, sizeof jump) < 0 || jump[0] != 0xe9)
        return 0;
    memcpy(&distance, jump + 1, sizeof distance);
    lx_uptr to = *addr + sizeof jump + (uint64_t)(int64_t)distance;
    if (!is_trampoline(mm, *addr) && !is_trampoline(mm, to))
        return 0;
    *addr = to;
    return 1;
}

/* In the middle of what replaces one instruction: a step to its beginning or end. */
static int settle_step(const struct patched_image *image, struct plat_regs *regs)
{
    uint8_t code[SHIM_REWRITE_BEFORE + SHIM_REWRITE_AFTER];
    uint64_t first = image->begin + image->table->trampolines;
    if (regs->rip < first)
        return 0;
    uint64_t before = regs->rip - first;
    if (before > SHIM_REWRITE_BEFORE)
        before = SHIM_REWRITE_BEFORE;
    memset(code, 0, sizeof code); /* what cannot be read looks like nothing of ours */
    int err = shim_copy_in(code + SHIM_REWRITE_BEFORE - before, regs->rip - before,
                           before + SHIM_REWRITE_AFTER);
    (void)err; /* the rest of a page, behind the last trampoline */
    return shim_rewrite_settle(code + SHIM_REWRITE_BEFORE, regs);
}

/* What replaces one instruction has at most two steps behind its work, and two jumps. */
#define SETTLE_STEPS 5

void shim_mm_settle(struct shim_mm *mm, struct plat_regs *regs)
{
    const struct patched_image *image;
    for (int i = 0; i < SETTLE_STEPS && (image = image_at(mm, regs->rip)); i++) {
        if (!follow_detour(mm, &regs->rip) && !settle_step(image, regs))
            return;
    }
}

lx_uptr shim_mm_stray_rip(struct shim_mm *mm, lx_uptr addr)
{
    const struct patched_image *image = image_at(mm, addr);
    uint32_t moved = image ? shim_rewrite_moved(image->table, (uint32_t)(addr - image->begin)) : 0;
    return moved ? image->begin + moved : 0;
}
