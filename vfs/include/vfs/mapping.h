/* SPDX-License-Identifier: MIT */
#ifndef VFS_MAPPING_H
#define VFS_MAPPING_H

/*
 * Files that are mapped.  A mapping shows the pages that its file has; an access of others is
 * SIGBUS.  So whoever changes a mapped file's size tells the address spaces.  vfs knows that there are
 * mappings, and how far they go; what they are is their owner's, a provider of this process.
 *
 * Source   mmap(2), ftruncate(2).
 * Threads  any, of any process.
 * Errors   none.
 */

#include <stdint.h>

struct vfs_file;
struct vfs_inode;

/*
 * One more, or fewer, piece of an address space that shows a file, up to `end`, bytes in the file.
 * Files that are not regular are ignored.
 */
void vfs_mapping_add(struct vfs_file *file, uint64_t end);
void vfs_mapping_remove(struct vfs_file *file);

/* The bytes of a file that mappings may show now; UINT64_MAX: it has no end. */
uint64_t vfs_mapping_size(const struct vfs_file *file);

/* 1: mappings are kept away from it for a moment. */
int vfs_mapping_is_hidden(const struct vfs_file *file);

/*
 * Ask the host for its size, if it is a host's, and wait until nobody keeps mappings away from it.
 * No lock is held.
 */
void vfs_mapping_refresh(struct vfs_file *file);

struct vfs_mapping_provider {
    /*
     * The pages of a file that mappings show, or may show, have become more or fewer.  Locks are
     * held: apply() is to be called later, before the system call returns.
     */
    void (*changed)(void);

    /* Let all mappings of the container, in all processes, show what they may. */
    void (*apply)(void);
};
void vfs_mapping_set_provider(const struct vfs_mapping_provider *provider);

#endif
