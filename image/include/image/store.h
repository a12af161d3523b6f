/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_STORE_H
#define IMAGE_STORE_H

/*
 * The store: a folder on the host where images are kept, by content.
 *
 *   images/ID.img   the index of an image; ID.patch: patch tables of its programs
 *   packs/ID.pack   contents of files, of any images
 *   names           which names images have
 *   archives/       which archives were imported, to what images
 *   tmp/            what is being written
 *   lock            held by whoever changes anything
 *
 * Files appear under their names complete and flushed, by renaming; so a crash or a
 * kill at any moment leaves a store that is whole.  Readers take no lock.
 *
 * Source   docs/store-format.md.
 * Threads  one per object; any number of processes may use one store.
 * Errors   -LX_E*, with one sentence in `diag`.
 */

#include <stdint.h>

#include "core/diag.h"
#include "image/image.h"
#include "image/import.h"
#include "lx/compiler.h"

struct image_store;

/*
 * Open a store.
 *   root     its folder, or NULL: $TARBOX_ROOT or the user's application data.
 *   create   1: make it if it is not there.
 *   out      owned by the caller: image_store_close() it.
 *   returns  -LX_ENOENT: it is not there.
 */
MUST_USE int image_store_open(const char *root, int create, struct image_store **out,
                              struct core_diag *diag);
void image_store_close(struct image_store *s);
const char *image_store_root(const struct image_store *s);

/*
 * Find an image by name ("debian", "debian:12") or by the beginning of its id (4
 * digits or more).
 *   returns  -LX_ENOENT: there is none; -LX_EEXIST: more than one id begins so.
 */
MUST_USE int image_store_find(struct image_store *s, const char *reference,
                              struct vfs_image_key *id, struct core_diag *diag);

/*
 * Open an image by id.
 *   out      owned by the caller: image_close() it.
 *   returns  -LX_ENOENT; -LX_EIO: it is damaged.
 */
MUST_USE int image_store_get(struct image_store *s, struct vfs_image_key id, struct image *out,
                             struct core_diag *diag);

/*
 * Keep patch tables with an image, in place of those that are there: bytes that mean
 * nothing here.  Does nothing if somebody else is changing the store.
 */
MUST_USE int image_store_keep_patches(struct image_store *s, struct vfs_image_key id,
                                      const void *data, uint64_t size, struct core_diag *diag);

/*
 * Add to the memory images that are kept with an image, which are mapped by whoever runs it: bytes
 * that mean nothing here, only added to.  The store is locked until image_store_end_memory().
 *   size     of the file as the caller knows it; 0: start anew.
 *   out      open for writing.
 *   returns  -LX_EAGAIN: somebody else is changing the store, or has changed the file.
 */
MUST_USE int image_store_begin_memory(struct image_store *s, struct vfs_image_key id, uint64_t size,
                                      struct plat_file **out, struct core_diag *diag);

/* What was written is on the disk; an error if it may not be. */
MUST_USE int image_store_end_memory(struct image_store *s, struct plat_file *file);

/*
 * Open the image of an archive on the host, importing it if the store has not got it:
 * one look at the file's size and time tells, else its content does.
 *   file     open at its start.
 *   again    1: import it in any case, which repairs what is damaged.
 *   out      as image_store_get(); its stats tell whether it was imported.
 */
MUST_USE int image_store_import(struct image_store *s, const char *path, struct plat_file *file,
                                int again, const struct image_options *options, struct image *out,
                                struct core_diag *diag);

/*
 * Forget an image of which something is damaged, but not its names: whoever has its
 * archive will import it again.
 *   returns  -LX_EBUSY: another container runs on it.
 */
MUST_USE int image_store_discard(struct image_store *s, struct vfs_image_key id,
                                 struct core_diag *diag);

/* ---- Names --------------------------------------------------------------- */

#define IMAGE_NAME_SIZE 512

/*
 * The full form of a name: "debian" is "debian:latest".
 *   out      IMAGE_NAME_SIZE bytes.
 *   returns  -LX_EINVAL: this cannot name an image.
 */
MUST_USE int image_name_normalize(const char *name, char *out, struct core_diag *diag);

/* Give an image a name, taking it from any other. */
MUST_USE int image_store_tag(struct image_store *s, struct vfs_image_key id, const char *name,
                             struct core_diag *diag);

/* Take a name away; -LX_ENOENT. */
MUST_USE int image_store_untag(struct image_store *s, const char *name, struct core_diag *diag);

/* Call `each` with every name, in order, until it returns something else than 0. */
MUST_USE int image_store_each_name(struct image_store *s,
                                   int (*each)(void *arg, const char *name,
                                               struct vfs_image_key id),
                                   void *arg, struct core_diag *diag);

/* ---- All images ---------------------------------------------------------- */

/* Call `each` with the id of every image, in no order, until it returns something else than 0. */
MUST_USE int image_store_each(struct image_store *s,
                              int (*each)(void *arg, struct vfs_image_key id), void *arg,
                              struct core_diag *diag);

/*
 * Remove an image and its names; what it shares with no other stays until a prune.
 *   returns  -LX_EBUSY: a container runs on it, or one that is kept needs it.
 */
MUST_USE int image_store_remove(struct image_store *s, struct vfs_image_key id,
                                struct core_diag *diag);

/* What a prune frees, or would free. */
struct image_prune {
    uint64_t packs, archives; /* files removed: packs without a use, notes on archives */
    uint64_t bytes;
};

/* Remove whatever no image needs; with `dry`, only find out. */
MUST_USE int image_store_prune(struct image_store *s, int dry, struct image_prune *out,
                               struct core_diag *diag);

/* What a verification found. */
struct image_verify {
    uint64_t images, contents, bytes; /* looked at */
    uint64_t damaged;
};

/*
 * Compare everything with its checksums.
 *   damaged  called with a sentence for each thing that is not what it was.
 *   returns  0 also if something is damaged; see out->damaged.
 */
MUST_USE int image_store_verify(struct image_store *s,
                                void (*damaged)(void *arg, const char *sentence), void *arg,
                                struct image_verify *out, struct core_diag *diag);

#endif
