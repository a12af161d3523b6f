/* SPDX-License-Identifier: MIT */
/*
 * Contents of regular files: pages in segments over the image's bytes.  A write
 * copies up the page it touches, no more.
 */

#include <stdatomic.h>

#include "core/arena.h"
#include "core/layout.h"
#include "core/mem.h"
#include "core/segment.h"
#include "host.h"
#include "lx/errno.h"
#include "plat/thread.h"
#include "vfs/image.h"
#include "vfs/inode.h"

#define CHUNK_PAGES 512u
#define FILE_MAX (1ull << 43) /* 8 TiB */

/* The page's number, or 0 if the file has none there. */
static core_page_t page_at(const struct vfs_inode *inode, uint64_t page)
{
    uint64_t chunk = page / CHUNK_PAGES;
    core_page_t **chunks = inode->chunks;
    if (chunk >= inode->chunk_count || !chunks || !chunks[chunk])
        return 0;
    return chunks[chunk][page % CHUNK_PAGES];
}

static int grow_chunks(struct vfs_inode *inode, uint64_t need)
{
    uint64_t count = inode->chunk_count ? inode->chunk_count : 1;
    while (count < need)
        count *= 2;
    core_page_t **chunks = core_arena_alloc(count * sizeof *chunks);
    if (!chunks)
        return -LX_ENOSPC;
    core_page_t **old = inode->chunks;
    if (old)
        memcpy(chunks, old, inode->chunk_count * sizeof *chunks);
    inode->chunks = chunks;
    core_arena_free(old, inode->chunk_count * sizeof *old);
    inode->chunk_count = (uint32_t)count;
    return 0;
}

/* Where the page's number is kept, made if need be; NULL when memory is short. */
static core_page_t *slot_at(struct vfs_inode *inode, uint64_t page)
{
    uint64_t chunk = page / CHUNK_PAGES;
    if (chunk >= inode->chunk_count && grow_chunks(inode, chunk + 1) < 0)
        return NULL;
    core_page_t **chunks = inode->chunks;
    if (!chunks[chunk])
        chunks[chunk] = core_arena_alloc(CHUNK_PAGES * sizeof **chunks);
    return chunks[chunk] ? &chunks[chunk][page % CHUNK_PAGES] : NULL;
}

#define HOLE UINT32_MAX /* in place of a page's number: zeros, whatever the image has */

/* The image's contents are compared with their checksums when they are first read. */
static int check_image(uint32_t index, const struct vfs_image_inode *i)
{
    struct vfs_state *s = vfs_state();
    _Atomic uint8_t *bits = &s->checked[index / 8];
    uint8_t bit = (uint8_t)(1u << index % 8);
    if (atomic_load_explicit(bits, memory_order_relaxed) & bit)
        return 0;
    int err = vfs_image_check(vfs_image_attached(), i);
    if (err == 0)
        atomic_fetch_or_explicit(bits, bit, memory_order_relaxed);
    else
        atomic_store(&s->damaged, index + 1);
    return err;
}

/* The image's bytes at `offset`, and how many of `size` lie together; NULL: damaged. */
static const uint8_t *image_bytes(const struct vfs_inode *inode, uint64_t offset, uint64_t *size)
{
    const struct vfs_image *image = vfs_image_attached();
    const struct vfs_image_inode *i = vfs_image_inode(image, inode->image_index);
    uint64_t there;
    if (!i || check_image(inode->image_index, i) < 0)
        return NULL;
    const uint8_t *bytes = vfs_image_content(image, i, offset, &there);
    if (*size > there)
        *size = there;
    return bytes;
}

/* Copy from the image, pieces and zeros between them; `buf` may be guest memory. */
static int64_t read_image(const struct vfs_inode *inode, uint8_t *buf, uint64_t size,
                          uint64_t offset)
{
    uint64_t done = 0;
    while (done < size) {
        uint64_t part = size - done;
        const uint8_t *from = image_bytes(inode, offset + done, &part);
        if (!from)
            return done ? (int64_t)done : -LX_EIO;
        uint64_t left = plat_copy_guest(buf + done, from, part);
        done += part - left;
        if (left)
            return done ? (int64_t)done : -LX_EFAULT;
    }
    return (int64_t)done;
}

/* A page of the file's own at `page`, with the image's bytes copied up. */
static int own_page(struct vfs_inode *inode, uint64_t page, uint8_t **bytes)
{
    core_page_t *slot = slot_at(inode, page);
    if (!slot)
        return -LX_ENOSPC;
    if (!*slot || *slot == HOLE) {
        core_page_t fresh = core_page_new();
        if (!fresh)
            return -LX_ENOSPC;
        uint64_t offset = page * CORE_PAGE_SIZE;
        if (*slot != HOLE && offset < inode->image_size) {
            uint64_t left = inode->image_size - offset;
            if (left > CORE_PAGE_SIZE)
                left = CORE_PAGE_SIZE;
            if (read_image(inode, core_page(fresh), left, offset) != (int64_t)left) {
                core_page_free(fresh);
                return -LX_EIO;
            }
        }
        *slot = fresh;
        inode->page_count++;
    }
    *bytes = core_page(*slot);
    return *bytes ? 0 : -LX_ENOSPC;
}

static const uint8_t zeros[CORE_PAGE_SIZE];

/* What lies at `offset`, and how much of it in one piece. */
static const uint8_t *piece_at(const struct vfs_inode *inode, uint64_t offset, uint64_t *size)
{
    uint64_t in_page = offset % CORE_PAGE_SIZE, left = CORE_PAGE_SIZE - in_page;
    if (*size > left)
        *size = left;
    core_page_t page = page_at(inode, offset / CORE_PAGE_SIZE);
    if (page && page != HOLE) {
        const uint8_t *bytes = core_page(page);
        return bytes ? bytes + in_page : NULL;
    }
    if (page == HOLE || offset >= inode->image_size)
        return zeros + in_page;
    if (*size > inode->image_size - offset)
        *size = inode->image_size - offset;
    return image_bytes(inode, offset, size);
}

static int64_t read_locked(struct vfs_inode *inode, uint8_t *buf, uint64_t size, uint64_t offset)
{
    uint64_t done = 0;
    while (done < size) {
        uint64_t part = size - done;
        const uint8_t *from = piece_at(inode, offset + done, &part);
        if (!from)
            return done ? (int64_t)done : -LX_EIO;
        uint64_t left = plat_copy_guest(buf + done, from, part);
        done += part - left;
        if (left)
            return done ? (int64_t)done : -LX_EFAULT;
    }
    return (int64_t)done;
}

int64_t vfs_inode_read(struct vfs_inode *inode, void *buf, uint64_t size, uint64_t offset)
{
    if (inode->host)
        return host_read(inode, buf, size, offset);
    uint64_t end = atomic_load_explicit(&inode->size, memory_order_acquire);
    if (offset >= end || !size)
        return 0;
    if (size > end - offset)
        size = end - offset;

    /* Never written: the image's bytes, which nobody changes, need no lock. */
    if (!atomic_load_explicit(&inode->chunks, memory_order_acquire) && end == inode->image_size)
        return read_image(inode, buf, size, offset);
    core_lock_acquire(&inode->lock);
    end = inode->size;
    if (offset >= end)
        size = 0;
    else if (size > end - offset)
        size = end - offset;
    int64_t result = read_locked(inode, buf, size, offset);
    core_lock_release(&inode->lock);
    return result;
}

static int64_t write_locked(struct vfs_inode *inode, const uint8_t *buf, uint64_t size,
                            uint64_t offset)
{
    if (offset >= FILE_MAX)
        return -LX_EFBIG;
    if (size > FILE_MAX - offset)
        size = FILE_MAX - offset;
    uint64_t done = 0;
    int64_t err = 0;
    while (done < size) {
        uint64_t at = offset + done, in_page = at % CORE_PAGE_SIZE;
        uint64_t part = CORE_PAGE_SIZE - in_page;
        if (part > size - done)
            part = size - done;
        uint8_t *bytes;
        err = own_page(inode, at / CORE_PAGE_SIZE, &bytes);
        if (err < 0)
            break;
        uint64_t left = plat_copy_guest(bytes + in_page, buf + done, part);
        done += part - left;
        if (left) {
            err = -LX_EFAULT;
            break;
        }
    }
    if (done) {
        if (offset + done > inode->size)
            inode->size = offset + done;
        inode->mtime_ns = inode->ctime_ns = vfs_now();
        inode->mode &= ~(LX_S_ISUID | (inode->mode & LX_S_IXGRP ? LX_S_ISGID : 0u));
    }
    return done ? (int64_t)done : err;
}

int64_t vfs_inode_write(struct vfs_inode *inode, const void *buf, uint64_t size, uint64_t offset)
{
    if (inode->host)
        return host_write(inode, buf, size, offset);
    core_lock_acquire(&inode->lock);
    int64_t result = write_locked(inode, buf, size, offset);
    core_lock_release(&inode->lock);
    return result;
}

int64_t vfs_inode_append(struct vfs_inode *inode, const void *buf, uint64_t size, uint64_t *offset)
{
    if (inode->host) {
        int64_t n = host_append(inode, buf, size, offset);
        *offset -= n > 0 ? (uint64_t)n : 0;
        return n;
    }
    core_lock_acquire(&inode->lock);
    *offset = inode->size;
    int64_t result = write_locked(inode, buf, size, *offset);
    core_lock_release(&inode->lock);
    return result;
}

static void free_page(struct vfs_inode *inode, core_page_t *page)
{
    if (*page && *page != HOLE) {
        core_page_free(*page);
        inode->page_count--;
    }
    *page = 0;
}

/* Free the pages from `first` up to (not including) `last`. */
static void free_pages(struct vfs_inode *inode, uint64_t first, uint64_t last)
{
    core_page_t **chunks = inode->chunks;
    uint64_t limit = (uint64_t)inode->chunk_count * CHUNK_PAGES;
    if (last > limit)
        last = limit;
    for (uint64_t page = first; page < last; page++) {
        core_page_t *chunk = chunks[page / CHUNK_PAGES];
        if (!chunk) {
            page |= CHUNK_PAGES - 1;
            continue;
        }
        free_page(inode, &chunk[page % CHUNK_PAGES]);
    }
}

/* Zero a part of one page, if it shows anything else. */
static int zero_part(struct vfs_inode *inode, uint64_t offset, uint64_t size)
{
    uint64_t page = offset / CORE_PAGE_SIZE;
    uint8_t *bytes;
    core_page_t there = page_at(inode, page);
    if (!size || there == HOLE || (!there && offset >= inode->image_size))
        return 0;
    int err = own_page(inode, page, &bytes);
    if (err < 0)
        return err;
    memset(bytes + offset % CORE_PAGE_SIZE, 0, size);
    return 0;
}

uint64_t vfs_inode_size(struct vfs_inode *inode)
{
    if (inode->host)
        host_refresh(inode);
    return inode->size;
}

int vfs_inode_truncate(struct vfs_inode *inode, uint64_t size)
{
    if (size > FILE_MAX)
        return -LX_EFBIG;
    if (inode->host)
        return host_truncate(inode, size);
    int err = 0;
    core_lock_acquire(&inode->lock);
    if (size < inode->size) {
        uint64_t first = (size + CORE_PAGE_SIZE - 1) / CORE_PAGE_SIZE;
        /* The image's bytes end at `image_size`; only a page of our own keeps what is cut off. */
        if (inode->image_size > size)
            inode->image_size = size;
        err = size % CORE_PAGE_SIZE ? zero_part(inode, size, CORE_PAGE_SIZE - size % CORE_PAGE_SIZE)
                                    : 0;
        if (err < 0)
            goto out;
        free_pages(inode, first, UINT64_MAX);
    }
    inode->size = size;
    inode->mtime_ns = inode->ctime_ns = vfs_now();
    inode->mode &= ~(LX_S_ISUID | (inode->mode & LX_S_IXGRP ? LX_S_ISGID : 0u));
out:
    core_lock_release(&inode->lock);
    return err;
}

int vfs_inode_extend(struct vfs_inode *inode, uint64_t size)
{
    if (size > FILE_MAX)
        return -LX_EFBIG;
    if (inode->host)
        return size > vfs_inode_size(inode) ? host_truncate(inode, size) : 0;
    core_lock_acquire(&inode->lock);
    if (size > inode->size) {
        inode->size = size;
        inode->mtime_ns = inode->ctime_ns = vfs_now();
    }
    core_lock_release(&inode->lock);
    return 0;
}

/* Make whole pages holes; those above the image's contents have to say so. */
static int punch_pages(struct vfs_inode *inode, uint64_t first, uint64_t last)
{
    uint64_t image_pages = (inode->image_size + CORE_PAGE_SIZE - 1) / CORE_PAGE_SIZE;
    for (; first < last && first < image_pages; first++) {
        core_page_t *slot = slot_at(inode, first);
        if (!slot)
            return -LX_ENOSPC;
        free_page(inode, slot);
        *slot = HOLE;
    }
    free_pages(inode, first, last);
    return 0;
}

int vfs_inode_punch(struct vfs_inode *inode, uint64_t offset, uint64_t size)
{
    int err = 0;
    if (inode->host)
        return host_zero(inode, offset, size);
    core_lock_acquire(&inode->lock);
    uint64_t end = offset + size;
    if (end > inode->size || end < offset)
        end = inode->size;
    if (offset >= end)
        goto out;
    uint64_t first = (offset + CORE_PAGE_SIZE - 1) / CORE_PAGE_SIZE, last = end / CORE_PAGE_SIZE;
    if (end == inode->size) /* what follows the end in its page is zero */
        last = (end + CORE_PAGE_SIZE - 1) / CORE_PAGE_SIZE;
    if (first > last) { /* within one page */
        err = zero_part(inode, offset, end - offset);
    } else {
        err = zero_part(inode, offset, first * CORE_PAGE_SIZE - offset);
        if (err == 0)
            err = punch_pages(inode, first, last);
        if (err == 0 && last * CORE_PAGE_SIZE < end)
            err = zero_part(inode, last * CORE_PAGE_SIZE, end - last * CORE_PAGE_SIZE);
    }
    inode->mtime_ns = inode->ctime_ns = vfs_now();
out:
    core_lock_release(&inode->lock);
    return err;
}

void data_free(struct vfs_inode *inode)
{
    core_page_t **chunks = inode->chunks;
    if (!chunks)
        return;
    free_pages(inode, 0, UINT64_MAX);
    for (uint32_t i = 0; i < inode->chunk_count; i++)
        core_arena_free(chunks[i], CHUNK_PAGES * sizeof **chunks);
    core_arena_free(chunks, inode->chunk_count * sizeof *chunks);
}
