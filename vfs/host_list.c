/* SPDX-License-Identifier: MIT */
/*
 * Host folders: listing a directory.  All of it is read when a listing begins, so that a
 * program that removes what it lists meets every name: getdents(2)'s places are numbers
 * of entries then.
 */

#include "core/arena.h"
#include "core/mem.h"
#include "host.h"
#include "lx/errno.h"
#include "lx/unistd.h"

#define BLOCK_SIZE 16384u

struct entry {
    uint64_t id;
    uint16_t size; /* of the name */
    uint8_t type;  /* LX_DT_* */
    char name[];
};

/* Entries one after the other, each on a multiple of 8. */
struct block {
    struct block *next;
    uint32_t used, count;
    _Alignas(8) uint8_t bytes[];
};

#define BLOCK_ROOM (BLOCK_SIZE - sizeof(struct block))

struct host_listing {
    struct block *first;
};

void host_listing_free(struct host_listing *l)
{
    if (!l)
        return;
    for (struct block *b = l->first; b;) {
        struct block *next = b->next;
        core_arena_free(b, BLOCK_SIZE);
        b = next;
    }
    core_arena_free(l, sizeof *l);
}

static uint32_t room_for(uint64_t name_size)
{
    return (uint32_t)((sizeof(struct entry) + name_size + 7) & ~7ull);
}

/* Append an entry to the last block, or to a new one behind it. */
static int add(struct host_listing *l, struct block **last, const struct plat_entry *e)
{
    static const uint8_t types[] = {
        [PLAT_FILE_REGULAR] = LX_DT_REG,
        [PLAT_FILE_DIRECTORY] = LX_DT_DIR,
        [PLAT_FILE_SYMLINK] = LX_DT_LNK,
        [PLAT_FILE_OTHER] = LX_DT_SOCK,
    };
    uint64_t size = core_str_length(e->name);
    if (size > LX_NAME_MAX) /* in UTF-8; no guest could have it in a path */
        return 0;
    struct block *b = *last;
    if (!b || BLOCK_ROOM - b->used < room_for(size)) {
        b = core_arena_alloc(BLOCK_SIZE);
        if (!b)
            return -LX_ENOMEM;
        *(*last ? &(*last)->next : &l->first) = b;
        *last = b;
    }
    struct entry *at = (struct entry *)(void *)(b->bytes + b->used);
    at->id = e->id;
    at->size = (uint16_t)size;
    at->type = types[e->type];
    memcpy(at->name, e->name, size);
    b->used += room_for(size);
    b->count++;
    return 0;
}

static int read_all(struct vfs_inode *dir, struct host_listing *l)
{
    struct host_path path;
    struct plat_directory *d;
    struct plat_entry e;
    struct block *last = NULL;
    int err = host_path(dir, &path), more = 0;
    if (err == 0)
        err = plat_at_list(host_folder(dir->host->super), path.text, &d);
    if (err < 0)
        return err;
    while (err == 0 && (more = plat_directory_next(d, &e)) == 1)
        err = add(l, &last, &e);
    plat_directory_close(d);
    return err < 0 ? err : more;
}

static int begin(struct vfs_inode *dir, struct host_listing **listing)
{
    host_listing_free(*listing);
    *listing = core_arena_alloc(sizeof **listing);
    if (!*listing)
        return -LX_ENOMEM;
    int err = read_all(dir, *listing);
    if (err < 0) {
        host_listing_free(*listing);
        *listing = NULL;
    }
    return err;
}

int host_list(struct vfs_inode *dir, struct host_listing **listing, uint64_t cookie, vfs_emit emit,
              void *arg)
{
    if (!*listing || cookie <= 1) {
        int err = begin(dir, listing);
        if (err < 0)
            return err;
    }
    if (!dir_show_dots(dir, &cookie, emit, arg))
        return 0;
    uint64_t n = FIRST_COOKIE;
    for (const struct block *b = (*listing)->first; b; b = b->next) {
        if (n + b->count <= cookie) {
            n += b->count;
            continue;
        }
        const uint8_t *at = b->bytes;
        for (uint32_t i = 0; i < b->count; i++, n++) {
            const struct entry *e = (const struct entry *)(const void *)at;
            if (n >= cookie && !emit(arg, e->name, e->size, e->id, e->type, n + 1))
                return 0;
            at += room_for(e->size);
        }
    }
    return 0;
}
