/* SPDX-License-Identifier: MIT */
#ifndef SHIM_PATCHES_H
#define SHIM_PATCHES_H

/*
 * Patch tables that are kept, so that a program of an image is scanned once and not
 * in every run.  They lie in one file for an image, which is mapped in each guest
 * host at the same address; tables made in this run are in the arena, for the
 * launcher to add.
 *
 * A memory image is a library or program as it is in memory, patched, its trampolines behind it.
 * They lie in a second file, one after the other, each at a multiple of PLAT_GRANULE, and are mapped
 * by whoever loads it.
 *
 * A table belongs to a file's content, the address it was loaded at and the very
 * rewriter that made it: another version's tables are not used.
 *
 * Source   shim/rewrite.h, docs/store-format.md.
 * Threads  use and find: any; check and join: hosted, the caller's memory.
 */

#include <stdint.h>

#include "core/diag.h"
#include "lx/compiler.h"
#include "vfs/image_format.h"

#define SHIM_PATCHES_MAGIC 0x3330686374706274ull /* "tbptch03" */

struct plat_file;
struct shim_rewrite_table;

struct shim_patches_header {
    uint64_t magic;
    uint64_t version; /* of the rewriter */
    uint64_t size;    /* of the whole file */
    uint32_t count, zero;
    uint64_t images_id; /* of the file that the entries' images lie in; 0: there is none */
    uint64_t checksum;  /* XXH3-64 of the header before it and of the entries */
};

struct shim_patches_entry {
    struct vfs_image_key key; /* of the program's content */
    uint64_t addr;            /* where it was loaded */
    uint32_t offset, size;    /* of its table in the file; a multiple of 8 */
    uint64_t image;           /* offset of its memory image in the other file; 0: it has none */
    uint64_t image_size;      /* bytes */
    uint64_t checksum;        /* XXH3-64 of the table */
};

/* A table made in this run; in the arena. */
struct shim_patches_new {
    struct shim_patches_new *next;
    struct vfs_image_key key;
    uint64_t addr, image; /* image: as above, set by the launcher */
    struct shim_rewrite_table *table;
};

/* The file with the memory images, at whose beginning its head lies; all zero: there is none. */
#define SHIM_IMAGES_MAGIC 0x31306f6d656d6274ull /* "tbmemo01" */
struct shim_images_head {
    uint64_t magic;
    uint64_t id; /* random: one that was made anew is another */
};
struct shim_images {
    uint64_t size, id;
};

/*
 * Check a file, but for its tables, each of which is when it is used.
 *   images   there must be all that it names, in the very file that it names them in.
 *   returns  -LX_EINVAL: damaged, another rewriter's, or of other images.
 */
MUST_USE int shim_patches_check(const void *file, uint64_t size, const struct shim_images *images);

/*
 * Use a file that was checked; before the first program is loaded.
 *   images  with the memory images, open for plat_copy_map(), or NULL.
 */
void shim_patches_use(const void *file, struct plat_file *images);

/* The file with the memory images, or NULL; the offset of a library's, or 0. */
struct plat_file *shim_patches_memory(void);
uint64_t shim_patches_image(struct vfs_image_key key, uint64_t addr);

/* An entry's table, or NULL: it is damaged.  Hosted; the file was checked. */
const struct shim_rewrite_table *shim_patches_table(const void *file,
                                                    const struct shim_patches_entry *e);

/* The kept table of a program, or NULL. */
const struct shim_rewrite_table *shim_patches_find(struct vfs_image_key key, uint64_t addr);

/*
 * Code that programs make has a key by its bytes, and no address of its own: its table is kept if
 * it says that there is nothing to patch, which is so at any address.  How many such are kept is
 * limited, since a program may make other code in each run.  The key: hosted.
 */
#define SHIM_PATCHES_CODE 1ull
#define SHIM_PATCHES_CODE_MAX 64u
struct vfs_image_key shim_patches_key(const void *code, uint64_t size);
int shim_patches_may_keep_code(void);

/* Note a table for the launcher; without memory it is not kept. */
void shim_patches_add(struct vfs_image_key key, uint64_t addr,
                      const struct shim_rewrite_table *table);

/*
 * What a checked file says of its n-th program, library, or code that a program made.
 *   returns  -LX_ENOENT: after the last; -LX_EINVAL: damaged.
 */
struct shim_patches_info {
    struct vfs_image_key key;
    uint64_t addr; /* SHIM_PATCHES_CODE: no file's */
    uint32_t syscall_sites,
        syscall_unpatched;             /* system calls in it; how many could not be patched */
    uint32_t tls_sites, tls_unpatched; /* accesses through %fs */
    uint32_t has_image;
};
MUST_USE int shim_patches_info(const void *file, uint32_t n, struct shim_patches_info *out);

/*
 * Make the memory image of a library or program.
 *   content  of its file, `size` bytes.
 *   out      the caller's to free(); NULL if it has none: it lies at a fixed address.
 *   returns  -LX_ENOMEM.
 */
MUST_USE int shim_patches_make_image(const struct shim_patches_new *new, const void *content,
                                     uint64_t size, void **out, uint64_t *out_size);

/*
 * Join the file in use with this run's tables.
 *   file     the file as it is, checked, or NULL.
 *   images_id  of the file with the memory images, or 0.
 *   out      the new file, the caller's to free(); NULL if there is nothing to add.
 *   returns  -LX_ENOMEM; -LX_EFBIG: it would become too large.
 */
MUST_USE int shim_patches_join(const void *file, uint64_t images_id, void **out, uint64_t *size);

#endif
