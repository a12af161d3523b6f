/* SPDX-License-Identifier: MIT */
/*
 * Contents of regular files: pages in segments over the image's bytes.  A write
 * copies up the page it touches, no more.  Once a file is mapped shared, all its contents
 * are in an object that the mappings show, too (core/shared.h).
 */

#include <stdatomic.h>

#include "core/arena.h"
#include "core/layout.h"
#include "core/mem.h"
#include "core/segment.h"
#include "core/shared.h"
#include "host.h"
#include "inode_ops.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "plat/thread.h"
#include "vfs/image.h"
#include "vfs/inode.h"
#include "vfs/memfd.h"

#define CHUNK_PAGES 512u
#define FIRST_PAGES 8u        /* of the first chunk of a small file */
#define FILE_MAX (1ull << 43) /* 8 TiB */

/* How many pages a chunk has: the first one grows with the file. */
static uint32_t chunk_size(const struct vfs_inode *inode, uint64_t chunk)
{
    return chunk ? CHUNK_PAGES : inode->first_pages;
}

/* Where the page's number is kept; NULL: nowhere, nor are those up to *next. */
static core_page_t *find_slot(const struct vfs_inode *inode, uint64_t page, uint64_t *next)
{
    uint64_t chunk = page / CHUNK_PAGES;
    core_page_t **chunks = inode->chunks;
    *next = chunk >= inode->chunk_count || !chunks ? UINT64_MAX : (chunk + 1) * CHUNK_PAGES;
    if (*next == UINT64_MAX || !chunks[chunk] || page % CHUNK_PAGES >= chunk_size(inode, chunk))
        return NULL;
    *next = page + 1;
    return &chunks[chunk][page % CHUNK_PAGES];
}

/* The page's number, or 0 if the file has none there. */
static core_page_t page_at(const struct vfs_inode *inode, uint64_t page)
{
    uint64_t next;
    const core_page_t *slot = find_slot(inode, page, &next);
    return slot ? *slot : 0;
}

/* Let the first chunk have so many pages. */
static int grow_first(struct vfs_inode *inode, uint64_t need)
{
    uint32_t size = inode->first_pages ? inode->first_pages : FIRST_PAGES;
    while (size < need)
        size *= 2;
    core_page_t *fresh = core_arena_alloc(size * sizeof *fresh), *old = inode->chunks[0];
    if (!fresh)
        return -LX_ENOSPC;
    if (old)
        memcpy(fresh, old, inode->first_pages * sizeof *old);
    core_arena_free(old, inode->first_pages * sizeof *old);
    inode->chunks[0] = fresh;
    inode->first_pages = size;
    return 0;
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
    if (chunk == 0 && page >= inode->first_pages && grow_first(inode, page + 1) < 0)
        return NULL;
    if (!chunks[chunk])
        chunks[chunk] = core_arena_alloc(CHUNK_PAGES * sizeof **chunks);
    return chunks[chunk] ? &chunks[chunk][page % CHUNK_PAGES] : NULL;
}

#define HOLE UINT32_MAX /* in place of a page's number: zeros, whatever the image has */

/*
 * Contents of a pack that may have changed since it was written are compared with their
 * checksums when they are first read.
 */
static int check_image(uint32_t index, const struct vfs_image_inode *i)
{
    const struct vfs_image *image = vfs_image_attached();
    struct vfs_state *s = vfs_state();
    _Atomic uint8_t *bits = &s->checked[index / 8];
    uint8_t bit = (uint8_t)(1u << index % 8);
    if ((i->pack < VFS_IMAGE_PACKS_MAX && image->whole_packs >> i->pack & 1) ||
        atomic_load_explicit(bits, memory_order_relaxed) & bit)
        return 0;
    int err = vfs_image_check(image, i);
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

/* Copy from what lies in pieces, which `at` finds; `buf` may be guest memory. */
static int64_t read_pieces(const struct vfs_inode *inode, uint8_t *buf, uint64_t size,
                           uint64_t offset,
                           const uint8_t *(*at)(const struct vfs_inode *, uint64_t, uint64_t *))
{
    uint64_t done = 0;
    while (done < size) {
        uint64_t part = size - done;
        const uint8_t *from = at(inode, offset + done, &part);
        if (!from)
            return done ? (int64_t)done : -LX_EIO;
        uint64_t left = plat_copy_guest(buf + done, from, part);
        done += part - left;
        if (left)
            return done ? (int64_t)done : -LX_EFAULT;
    }
    return (int64_t)done;
}

static core_page_t new_page(struct vfs_inode *inode)
{
    if (vfs_super_take_page(inode->super) < 0)
        return 0;
    core_page_t page = core_page_new();
    if (!page)
        vfs_super_give_page(inode->super);
    return page;
}

/* A page of the file's own at `page`, with the image's bytes copied up. */
static int own_page(struct vfs_inode *inode, uint64_t page, uint8_t **bytes)
{
    core_page_t *slot = slot_at(inode, page);
    if (!slot)
        return -LX_ENOSPC;
    if (!*slot || *slot == HOLE) {
        core_page_t fresh = new_page(inode);
        if (!fresh)
            return -LX_ENOSPC;
        uint64_t offset = page * CORE_PAGE_SIZE;
        if (*slot != HOLE && offset < inode->image_size) {
            uint64_t left = inode->image_size - offset;
            if (left > CORE_PAGE_SIZE)
                left = CORE_PAGE_SIZE;
            if (read_pieces(inode, core_page(fresh), left, offset, image_bytes) != (int64_t)left) {
                core_page_free(fresh);
                vfs_super_give_page(inode->super);
                return -LX_EIO;
            }
        }
        *slot = fresh;
        INODE_SET(inode->page_count, inode->page_count + 1);
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

/* Copy from or to a shared object; `buf` may be guest memory. */
static int64_t shared_read(struct core_shared *s, uint8_t *buf, uint64_t size, uint64_t offset)
{
    uint64_t done = 0, left = 0;
    while (done < size && !left) {
        struct core_shared_piece piece;
        int err = core_shared_look(s, offset + done, size - done, 0, &piece);
        if (err < 0)
            return done ? (int64_t)done : -LX_EIO;
        if (!piece.bytes && piece.size > CORE_PAGE_SIZE)
            piece.size = CORE_PAGE_SIZE;
        left = plat_copy_guest(buf + done, piece.bytes ? piece.bytes : zeros, piece.size);
        done += piece.size - left;
        core_shared_look_end(&piece);
    }
    return done || !left ? (int64_t)done : -LX_EFAULT;
}

static int64_t shared_write(struct core_shared *s, const uint8_t *buf, uint64_t size,
                            uint64_t offset)
{
    uint64_t done = 0, left = 0;
    while (done < size && !left) {
        struct core_shared_piece piece;
        int err = core_shared_look(s, offset + done, size - done, 1, &piece);
        if (err < 0)
            return done ? (int64_t)done : -LX_ENOSPC;
        left = plat_copy_guest(piece.bytes, buf + done, piece.size);
        done += piece.size - left;
        core_shared_look_end(&piece);
    }
    return done || !left ? (int64_t)done : -LX_EFAULT;
}

int64_t vfs_inode_read(struct vfs_inode *inode, void *buf, uint64_t size, uint64_t offset)
{
    if (inode->owner)
        return inode_ops(inode)->read(inode, buf, size, offset);
    uint64_t end = atomic_load_explicit(&inode->size, memory_order_acquire);
    if (offset >= end || !size)
        return 0;
    if (size > end - offset)
        size = end - offset;

    /* Never written: the image's bytes, which nobody changes, need no lock. */
    if (!atomic_load_explicit(&inode->chunks, memory_order_acquire) && end == inode->image_size)
        return read_pieces(inode, buf, size, offset, image_bytes);
    core_lock_acquire(&inode->lock);
    end = inode->size;
    if (offset >= end)
        size = 0;
    else if (size > end - offset)
        size = end - offset;
    int64_t result = inode->shared ? shared_read(inode->shared, buf, size, offset)
                                   : read_pieces(inode, buf, size, offset, piece_at);
    core_lock_release(&inode->lock);
    return result;
}

int64_t vfs_inode_read_head(struct vfs_inode *inode, void *buf, uint64_t size)
{
    const struct vfs_image *image = vfs_image_attached();
    const struct vfs_image_inode *i =
        inode->owner ? NULL : vfs_image_inode(image, inode->image_index);
    uint64_t end = atomic_load_explicit(&inode->size, memory_order_acquire), there;
    if (!i || !size || !end || end != inode->image_size ||
        atomic_load_explicit(&inode->chunks, memory_order_acquire))
        return vfs_inode_read(inode, buf, size, 0);
    if (size > end)
        size = end;
    const void *bytes = vfs_image_content(image, i, 0, &there);
    if (!bytes || there < size)
        return vfs_inode_read(inode, buf, size, 0);
    memcpy(buf, bytes, size);
    return (int64_t)size;
}

static int64_t write_pages(struct vfs_inode *inode, const uint8_t *buf, uint64_t size,
                           uint64_t offset)
{
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
    return done ? (int64_t)done : err;
}

/* Do a memfd's seals forbid it?  `end`: of what is written, or the new size. */
enum seal_check { SEAL_CHECK_WRITE, SEAL_CHECK_RESIZE };
static int seal_check(const struct vfs_inode *inode, enum seal_check what, uint64_t end)
{
    uint32_t seals = inode->memfd ? inode->memfd->seals : 0;
    if (what == SEAL_CHECK_WRITE && seals & (LX_F_SEAL_WRITE | LX_F_SEAL_FUTURE_WRITE))
        return -LX_EPERM;
    if (what == SEAL_CHECK_RESIZE && seals & LX_F_SEAL_SHRINK && end < inode->size)
        return -LX_EPERM;
    return seals & LX_F_SEAL_GROW && end > inode->size ? -LX_EPERM : 0;
}

/* A shared file counts as if it had no holes, and beyond its file system's limit, too. */
static void set_size(struct vfs_inode *inode, uint64_t size)
{
    if (inode->shared)
        vfs_super_add_pages(inode->super, (int64_t)(pages_of(size) - pages_of(inode->size)));
    mapping_resized_locked(inode, inode->size, size);
    INODE_SET(inode->size, size);
}

static int64_t write_locked(struct vfs_inode *inode, const uint8_t *buf, uint64_t size,
                            uint64_t offset)
{
    if (offset >= FILE_MAX)
        return -LX_EFBIG;
    if (size > FILE_MAX - offset)
        size = FILE_MAX - offset;
    int64_t done = seal_check(inode, SEAL_CHECK_WRITE, size ? offset + size : 0);
    if (done == 0)
        done = inode->shared ? shared_write(inode->shared, buf, size, offset)
                             : write_pages(inode, buf, size, offset);
    if (done > 0) {
        if (offset + (uint64_t)done > inode->size)
            set_size(inode, offset + (uint64_t)done);
        inode_touch(inode);
    }
    return done;
}

int64_t vfs_inode_write(struct vfs_inode *inode, const void *buf, uint64_t size, uint64_t offset)
{
    if (inode->owner)
        return inode_ops(inode)->write(inode, buf, size, offset);
    core_lock_acquire(&inode->lock);
    int64_t result = write_locked(inode, buf, size, offset);
    core_lock_release(&inode->lock);
    return result;
}

int64_t vfs_inode_append(struct vfs_inode *inode, const void *buf, uint64_t size, uint64_t *offset)
{
    if (inode->owner) {
        int64_t n = inode_ops(inode)->append(inode, buf, size, offset);
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
        vfs_super_give_page(inode->super);
        INODE_SET(inode->page_count, inode->page_count - 1);
    }
    *page = 0;
}

/* Free the pages from `first` up to (not including) `last`. */
static void free_pages(struct vfs_inode *inode, uint64_t first, uint64_t last)
{
    for (uint64_t page = first, next; page < last; page = next) {
        core_page_t *slot = find_slot(inode, page, &next);
        if (slot)
            free_page(inode, slot);
    }
}

/* Zero a part of one page, if it shows anything else. */
static int zero_part(struct vfs_inode *inode, uint64_t offset, uint64_t size)
{
    uint64_t page = offset / CORE_PAGE_SIZE;
    uint8_t *bytes;
    if (inode->shared)
        return size ? core_shared_zero(inode->shared, offset, size) : 0;
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
    if (inode->owner)
        inode_ops(inode)->refresh(inode);
    return inode->size;
}

int vfs_inode_truncate(struct vfs_inode *inode, uint64_t size)
{
    if (size > FILE_MAX)
        return -LX_EFBIG;
    if (inode->owner)
        return inode_ops(inode)->truncate(inode, size);
    core_lock_acquire(&inode->lock);
    int err = seal_check(inode, SEAL_CHECK_RESIZE, size);
    if (err < 0)
        goto out;
    if (size < inode->size) {
        uint64_t first = pages_of(size);
        /* The image's bytes end at `image_size`; only a page of our own keeps what is cut off. */
        if (inode->image_size > size)
            inode->image_size = size;
        if (inode->shared)
            err = core_shared_zero(inode->shared, size, inode->size - size);
        else if (size % CORE_PAGE_SIZE)
            err = zero_part(inode, size, CORE_PAGE_SIZE - size % CORE_PAGE_SIZE);
        if (err < 0)
            goto out;
        free_pages(inode, first, UINT64_MAX);
    }
    set_size(inode, size);
    inode_touch(inode);
out:
    core_lock_release(&inode->lock);
    return err;
}

/* Make a file at least so large. */
static int extend(struct vfs_inode *inode, uint64_t size)
{
    if (size > FILE_MAX)
        return -LX_EFBIG;
    core_lock_acquire(&inode->lock);
    int err = size > inode->size ? seal_check(inode, SEAL_CHECK_RESIZE, size) : 0;
    if (err == 0 && size > inode->size) {
        set_size(inode, size);
        inode_touch(inode);
    }
    core_lock_release(&inode->lock);
    return err;
}

/* Make whole pages holes; those above the image's contents have to say so. */
static int punch_pages(struct vfs_inode *inode, uint64_t first, uint64_t last)
{
    uint64_t image_pages = pages_of(inode->image_size);
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

/* Zero [offset, offset + size) and give its pages back; the size stays. */
static int punch(struct vfs_inode *inode, uint64_t offset, uint64_t size)
{
    int err = 0;
    core_lock_acquire(&inode->lock);
    uint64_t end = offset + size;
    uint64_t limit = pages_of(inode->size) * CORE_PAGE_SIZE;
    if (end > limit || end < offset)
        end = limit;
    err = seal_check(inode, SEAL_CHECK_WRITE, 0);
    if (err < 0 || offset >= inode->size)
        goto out;
    if (inode->shared) {
        end = end < inode->size ? end : inode->size;
        err = core_shared_zero(inode->shared, offset, end - offset);
        goto changed;
    }
    uint64_t first = pages_of(offset), last = end / CORE_PAGE_SIZE;
    if (first > last) { /* within one page */
        err = zero_part(inode, offset, end - offset);
    } else {
        err = zero_part(inode, offset, first * CORE_PAGE_SIZE - offset);
        if (err == 0)
            err = punch_pages(inode, first, last);
        if (err == 0 && last * CORE_PAGE_SIZE < end)
            err = zero_part(inode, last * CORE_PAGE_SIZE, end - last * CORE_PAGE_SIZE);
    }
changed:
    inode_touch(inode);
out:
    core_lock_release(&inode->lock);
    return err;
}

#define FALLOC_CLEARS (LX_FALLOC_FL_PUNCH_HOLE | LX_FALLOC_FL_ZERO_RANGE)

int vfs_inode_allocate(struct vfs_inode *inode, uint32_t mode, uint64_t offset, uint64_t size)
{
    if (inode->owner)
        return inode_ops(inode)->allocate(inode, mode, offset, size);
    int err = mode & FALLOC_CLEARS ? punch(inode, offset, size) : 0;
    if (err == 0 && !(mode & LX_FALLOC_FL_KEEP_SIZE))
        err = extend(inode, offset + size);
    return err < 0 ? err : vfs_inode_utimes(inode, VFS_TIME_KEEP, vfs_now());
}

/* Take all pages and the list of them. */
static void drop_pages(struct vfs_inode *inode)
{
    core_page_t **chunks = inode->chunks;
    if (!chunks)
        return;
    free_pages(inode, 0, UINT64_MAX);
    inode->chunks = NULL;
    for (uint32_t i = 0; i < inode->chunk_count; i++)
        core_arena_free(chunks[i], chunk_size(inode, i) * sizeof **chunks);
    core_arena_free(chunks, inode->chunk_count * sizeof *chunks);
    inode->chunk_count = inode->first_pages = 0;
}

void data_free(struct vfs_inode *inode)
{
    drop_pages(inode);
    if (inode->shared)
        vfs_super_add_pages(inode->super, -(int64_t)pages_of(inode->size));
    core_shared_put(inode->shared);
}

/* ---- Contents in a shared object ---- */

#define SHARE_FIRST (64ull << 20) /* the size of its first part at most: a file may be sparse */

/* 0: there is nothing but zeros from `page` up to (not including) *next. */
static int is_there(const struct vfs_inode *inode, uint64_t page, uint64_t *next)
{
    uint64_t own;
    const core_page_t *slot = find_slot(inode, page, &own);
    *next = page + 1;
    if (slot && *slot)
        return *slot != HOLE;
    if (page * CORE_PAGE_SIZE < inode->image_size)
        return 1;
    *next = own < FILE_MAX / CORE_PAGE_SIZE ? own : FILE_MAX / CORE_PAGE_SIZE;
    return 0;
}

/* The next page with data, or without, from `offset` on; what is shared counts as data. */
static int64_t seek_locked(const struct vfs_inode *inode, uint64_t offset, int hole)
{
    if (inode->shared)
        return (int64_t)(hole ? inode->size : offset);
    for (uint64_t page = offset / CORE_PAGE_SIZE, next; page * CORE_PAGE_SIZE < inode->size;
         page = next) {
        if (is_there(inode, page, &next) != hole)
            return (int64_t)(page * CORE_PAGE_SIZE > offset ? page * CORE_PAGE_SIZE : offset);
    }
    return hole ? (int64_t)inode->size : -LX_ENXIO;
}

int64_t vfs_inode_seek(struct vfs_inode *inode, int64_t offset, int hole)
{
    int64_t size = (int64_t)vfs_inode_size(inode);
    if (inode->owner && inode_ops(inode)->seek && offset >= 0)
        return inode_ops(inode)->seek(inode, (uint64_t)offset, hole);
    if (inode->owner || mqueue_of(inode)) /* all of it is data, which lseek(2) allows */
        return offset < 0 || offset >= size ? -LX_ENXIO : hole ? size : offset;
    core_lock_acquire(&inode->lock);
    int64_t result = offset < 0 || (uint64_t)offset >= inode->size
                         ? -LX_ENXIO
                         : seek_locked(inode, (uint64_t)offset, hole);
    core_lock_release(&inode->lock);
    return result;
}

/* Copy all contents to an object. */
static int copy_contents(struct vfs_inode *inode, struct core_shared *s)
{
    uint64_t pages = pages_of(inode->size);
    uint64_t own = (uint64_t)inode->chunk_count * CHUNK_PAGES;
    uint64_t image = pages_of(inode->image_size);
    if (pages > own && pages > image)
        pages = own > image ? own : image;
    for (uint64_t page = 0, next; page < pages; page = next) {
        if (!is_there(inode, page, &next))
            continue;
        uint64_t offset = page * CORE_PAGE_SIZE, run = page + 1;
        while (run < pages && is_there(inode, run, &next))
            run++;
        uint64_t size = run * CORE_PAGE_SIZE - offset;
        if (size > inode->size - offset)
            size = inode->size - offset;
        struct core_shared_piece piece;
        int err = core_shared_look(s, offset, size, 1, &piece);
        if (err < 0)
            return err;
        int64_t n = read_pieces(inode, piece.bytes, piece.size, offset, piece_at);
        core_shared_look_end(&piece);
        if (n != (int64_t)piece.size)
            return -LX_EIO;
        next = (offset + piece.size) / CORE_PAGE_SIZE;
        if ((offset + piece.size) % CORE_PAGE_SIZE)
            break; /* the end of the file */
    }
    return 0;
}

static int share_locked(struct vfs_inode *inode)
{
    struct core_shared *s;
    int err = core_shared_new(inode->size < SHARE_FIRST ? inode->size : SHARE_FIRST, &s);
    if (err == 0)
        err = copy_contents(inode, s);
    if (err < 0) {
        core_shared_put(s);
        return err;
    }
    drop_pages(inode);
    inode->shared = s;
    vfs_super_add_pages(inode->super, (int64_t)pages_of(inode->size));
    inode->image_size = 0;
    return 0;
}

int vfs_inode_share(struct vfs_inode *inode, int make, struct core_shared **out)
{
    *out = NULL;
    if (inode->owner)
        return inode->owner == VFS_OF_HOST ? host_share(inode, out) : -LX_ENODEV;
    core_lock_acquire(&inode->lock);
    int err = make && !inode->shared ? share_locked(inode) : 0;
    if (err == 0 && inode->shared)
        *out = core_shared_get(inode->shared);
    core_lock_release(&inode->lock);
    return err;
}
