/* SPDX-License-Identifier: MIT */
/*
 * Host folders: contents of files.
 *
 * A handle belongs to a process and the inode to all of them, so the inode holds numbers
 * of handles in the table of its process.  The host is never given a guest address (see
 * stream.c): bytes go through a buffer.
 */

#include <stdatomic.h>

#include "host.h"
#include "lx/errno.h"
#include "plat/thread.h"
#include "vfs/mount.h"

#define HANDLES_MAX 8192u
#define PART_SIZE 32768u

enum { READING, WRITING };

/* This process's folders and files; number 0 is none. */
static struct {
    struct core_lock lock;
    struct plat_file *folders[VFS_MOUNTS_MAX];
    struct plat_file *files[HANDLES_MAX];
    uint32_t free_from; /* no number below is free */
} g_handles = {.lock = {.rank = CORE_LOCK_DENTRY}, .free_from = 1};

void vfs_mount_attach(uint32_t number, struct plat_file *folder)
{
    g_handles.folders[number] = folder;
}

struct plat_file *host_folder(const struct vfs_mount *mount)
{
    return g_handles.folders[mount->number];
}

/* A number for a handle, which moves; 0: there are too many. */
static uint32_t handle_add(struct plat_file *file)
{
    uint32_t n;
    core_lock_acquire(&g_handles.lock);
    for (n = g_handles.free_from; n < HANDLES_MAX && g_handles.files[n]; n++)
        ;
    if (n < HANDLES_MAX)
        g_handles.files[n] = file;
    g_handles.free_from = n;
    core_lock_release(&g_handles.lock);
    if (n == HANDLES_MAX)
        plat_file_close(file);
    return n < HANDLES_MAX ? n : 0;
}

static void handle_drop(uint32_t n)
{
    if (!n)
        return;
    core_lock_acquire(&g_handles.lock);
    struct plat_file *file = g_handles.files[n];
    g_handles.files[n] = NULL;
    if (n < g_handles.free_from)
        g_handles.free_from = n;
    core_lock_release(&g_handles.lock);
    plat_file_close(file);
}

static struct plat_file *handle_of(const struct vfs_host *h, int which)
{
    uint32_t n = h->handles[which];
    return n ? g_handles.files[n] : NULL;
}

static struct plat_file *reader(const struct vfs_host *h)
{
    struct plat_file *file = handle_of(h, READING);
    return file ? file : h->writer_reads ? handle_of(h, WRITING) : NULL;
}

struct plat_file *host_handle(const struct vfs_inode *inode)
{
    struct plat_file *file = handle_of(inode->host, READING);
    return file ? file : handle_of(inode->host, WRITING);
}

static int open_path(struct vfs_inode *inode, uint32_t flags, struct plat_file **out)
{
    struct host_path path;
    *out = NULL;
    int err = inode->nlink ? host_path(inode, &path) : -LX_ENOENT;
    return err < 0 ? err : plat_at_open(host_folder(inode->host->mount), path.text, flags, 0, out);
}

/* Open for writing, and for reading as well if that is allowed. */
static int open_writer(struct vfs_inode *inode, struct plat_file **out, uint32_t *reads)
{
    int err = open_path(inode, PLAT_FILE_READ | PLAT_FILE_WRITE, out);
    *reads = err == 0;
    return err == -LX_EACCES ? open_path(inode, PLAT_FILE_WRITE, out) : err;
}

int host_adopt(struct vfs_inode *inode, struct plat_file *file)
{
    struct vfs_host *h = inode->host;
    uint32_t number = handle_add(file);
    if (!number)
        return -LX_ENFILE;
    core_lock_acquire(&inode->lock);
    uint32_t unused = h->handles[WRITING] ? number : 0;
    if (!unused) {
        h->handles[WRITING] = number;
        h->writer_reads = 1;
    }
    core_lock_release(&inode->lock);
    handle_drop(unused);
    return 0;
}

int host_open(struct vfs_inode *inode, uint32_t want)
{
    struct vfs_host *h = inode->host;
    struct plat_file *file;
    uint32_t number = 0, reads = 0;
    int err = 0;
    core_lock_acquire(&inode->lock);
    h->opens++; /* what is open stays open */
    core_lock_release(&inode->lock);
    if (want & PLAT_WRITE && !handle_of(h, WRITING)) {
        err = open_writer(inode, &file, &reads);
        number = err == 0 ? handle_add(file) : 0;
        core_lock_acquire(&inode->lock);
        if (number && !h->handles[WRITING]) {
            h->handles[WRITING] = number;
            h->writer_reads = reads;
            number = 0;
        }
        core_lock_release(&inode->lock);
        handle_drop(number);
    }
    if (err == 0 && want & PLAT_READ && !reader(h)) {
        err = open_path(inode, PLAT_FILE_READ, &file);
        number = err == 0 ? handle_add(file) : 0;
        core_lock_acquire(&inode->lock);
        if (number && !h->handles[READING]) {
            h->handles[READING] = number;
            number = 0;
        }
        core_lock_release(&inode->lock);
        handle_drop(number);
    }
    if (err == 0 &&
        ((want & PLAT_WRITE && !handle_of(h, WRITING)) || (want & PLAT_READ && !reader(h))))
        err = -LX_ENFILE; /* the table is full */
    if (err < 0)
        host_close(inode);
    return err;
}

void host_close(struct vfs_inode *inode)
{
    struct vfs_host *h = inode->host;
    uint32_t reading = 0, writing = 0;
    core_lock_acquire(&inode->lock);
    if (--h->opens == 0) {
        reading = atomic_exchange(&h->handles[READING], 0);
        writing = atomic_exchange(&h->handles[WRITING], 0);
    }
    core_lock_release(&inode->lock);
    handle_drop(reading);
    handle_drop(writing);
}

void host_close_all(struct vfs_host *h)
{
    handle_drop(h->handles[READING]);
    handle_drop(h->handles[WRITING]);
}

/* ---- Reading and writing ---- */

/*
 * The handle for one call: an open file's, or one of its own.
 *   own      1 if it is to be closed after the call.
 */
static int borrow(struct vfs_inode *inode, int which, struct plat_file **file, int *own)
{
    uint32_t reads;
    *file = which == WRITING ? handle_of(inode->host, WRITING) : reader(inode->host);
    *own = !*file;
    if (*file)
        return 0;
    return which == WRITING ? open_writer(inode, file, &reads)
                            : open_path(inode, PLAT_FILE_READ, file);
}

static void give_back(struct plat_file *file, int own)
{
    if (own)
        plat_file_close(file);
}

int64_t host_read(struct vfs_inode *inode, void *buf, uint64_t size, uint64_t offset)
{
    uint8_t bytes[PART_SIZE];
    struct plat_file *file;
    uint64_t done = 0;
    int own;
    int64_t n = borrow(inode, READING, &file, &own);
    if (n < 0)
        return n;
    while (done < size) {
        uint64_t part = size - done < sizeof bytes ? size - done : sizeof bytes;
        n = plat_file_pread(file, bytes, part, offset + done);
        if (n <= 0)
            break;
        uint64_t left = plat_copy_guest((uint8_t *)buf + done, bytes, (uint64_t)n);
        done += (uint64_t)n - left;
        if (left)
            n = -LX_EFAULT;
        if (left || (uint64_t)n < part)
            break;
    }
    give_back(file, own);
    return done ? (int64_t)done : n;
}

/* Write at `offset`, or (NULL end: no) append. */
static int64_t write_parts(struct vfs_inode *inode, const uint8_t *buf, uint64_t size,
                           uint64_t offset, uint64_t *end)
{
    uint8_t bytes[PART_SIZE];
    struct plat_file *file;
    uint64_t done = 0;
    int own;
    int64_t n = borrow(inode, WRITING, &file, &own);
    if (n < 0)
        return n;
    while (done < size) {
        uint64_t part = size - done < sizeof bytes ? size - done : sizeof bytes;
        uint64_t left = plat_copy_guest(bytes, buf + done, part);
        if (left == part) {
            n = -LX_EFAULT;
            break;
        }
        n = end ? plat_file_append(file, bytes, part - left, end)
                : plat_file_pwrite(file, bytes, part - left, offset + done);
        done += n > 0 ? (uint64_t)n : 0;
        if (n < 0 || (uint64_t)n < part)
            break;
    }
    give_back(file, own);
    return done ? (int64_t)done : n;
}

int64_t host_write(struct vfs_inode *inode, const void *buf, uint64_t size, uint64_t offset)
{
    return write_parts(inode, buf, size, offset, NULL);
}

int64_t host_append(struct vfs_inode *inode, const void *buf, uint64_t size, uint64_t *end)
{
    return write_parts(inode, buf, size, 0, end);
}

int host_truncate(struct vfs_inode *inode, uint64_t size)
{
    struct plat_file *file;
    int own, err = borrow(inode, WRITING, &file, &own);
    if (err < 0)
        return err;
    err = plat_file_truncate(file, size);
    give_back(file, own);
    host_refresh(inode);
    return err;
}

int host_zero(struct vfs_inode *inode, uint64_t offset, uint64_t size)
{
    static const uint8_t zeros[PART_SIZE];
    host_refresh(inode);
    uint64_t end = size > UINT64_MAX - offset ? UINT64_MAX : offset + size;
    if (end > inode->size)
        end = inode->size;
    while (offset < end) {
        uint64_t part = end - offset < sizeof zeros ? end - offset : sizeof zeros;
        int64_t n = host_write(inode, zeros, part, offset);
        if (n <= 0)
            return n < 0 ? (int)n : -LX_EIO;
        offset += (uint64_t)n;
    }
    return 0;
}

int host_sync(struct vfs_inode *inode)
{
    struct plat_file *file = handle_of(inode->host, WRITING);
    return file ? plat_file_sync(file) : 0;
}
