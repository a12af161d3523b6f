/* SPDX-License-Identifier: MIT */
/* Seals of packs: size, time and id of a file that is as it should be. */

#include "seal.h"

#include <string.h>
#include <xxhash.h>

#include "plat/plat.h"
#include "storage.h"

#define MAGIC 0x31306c6165736274ull /* "tbseal01" */

struct seal {
    uint64_t magic;
    uint64_t size;
    int64_t mtime_ns;
    uint64_t device, file;
    uint64_t checksum; /* XXH3-64 of the bytes before */
};

static struct seal seal_of(const struct plat_stat *st)
{
    struct seal seal = {MAGIC, st->size, st->mtime_ns, st->device, st->id, 0};
    seal.checksum = XXH3_64bits(&seal, offsetof(struct seal, checksum));
    return seal;
}

void seal_put(struct image_store *s, struct vfs_image_key pack, const struct plat_stat *st)
{
    char path[STORAGE_PATH];
    struct core_diag unused;
    struct seal seal = seal_of(st);
    storage_seal_path(s, pack, path);
    int err = storage_replace(s, path, &seal, sizeof seal, &unused);
    (void)err; /* without it, contents are compared */
}

void seal_break(struct image_store *s, struct vfs_image_key pack)
{
    char path[STORAGE_PATH];
    storage_seal_path(s, pack, path);
    int err = plat_path_remove(path);
    (void)err; /* there was none */
}

int seal_is_whole(struct image_store *s, struct vfs_image_key pack, const struct plat_stat *st)
{
    char path[STORAGE_PATH];
    struct plat_file *note;
    struct seal seal, now = seal_of(st);
    storage_seal_path(s, pack, path);
    if (plat_file_open(path, PLAT_FILE_READ, &note) < 0)
        return 0;
    int64_t n = plat_file_pread(note, &seal, sizeof seal, 0);
    plat_file_close(note);
    return n == sizeof seal && memcmp(&seal, &now, sizeof seal) == 0;
}
