/* SPDX-License-Identifier: MIT */
/*
 * read(2), write(2), pread64(2), pwrite64(2), readv(2), writev(2), preadv(2), pwritev(2),
 * preadv2(2), pwritev2(2), lseek(2), sendfile(2), copy_file_range(2), splice(2), tee(2),
 * vmsplice(2).
 */

#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/poll.h"
#include "lx/signal.h"
#include "lx/unistd.h"
#include "plat/plat.h"
#include "shim/limit.h"
#include "shim/signal.h"
#include "shim/syscall.h"
#include "sys/file.h"
#include "sys/socket.h"
#include "vfs/cred.h"
#include "vfs/inode.h"
#include "vfs/pipe.h"
#include "vfs/splice.h"

#define COPY_PART 8192u

/* A write to a pipe without readers, or by splice(2) and the like to a socket: SIGPIPE, too. */
static int64_t after_write(struct shim_task *t, int64_t result)
{
    if (result == -LX_EPIPE)
        shim_signal_raise(t, LX_SIGPIPE);
    return sys_interrupted(result);
}

/* The same when the last reader went while the write waited: what was written counts. */
static void check_broken(struct shim_task *t, struct vfs_file *file, int64_t result, uint64_t size)
{
    if (result > 0 && (uint64_t)result < size && file->kind == VFS_FILE_PIPE &&
        !(file->flags & LX_O_NONBLOCK) && vfs_pipe_is_broken(file))
        shim_signal_raise(t, LX_SIGPIPE);
}

static uint64_t cut(uint64_t size)
{
    return size < LX_RW_MAX ? size : LX_RW_MAX;
}

/*
 * What comes before any transfer.  A buffer outside the guest's windows is EFAULT
 * here; one that is not mapped shows when it is used.
 *   offset   not -1: ESPIPE comes before all else, but O_PATH is no file at all.
 */
static int check_transfer(const struct vfs_file *file, uint32_t access, lx_uptr buf, uint64_t size,
                          int64_t offset)
{
    if (offset >= 0 && file->kind != VFS_FILE_PATH && !vfs_file_has_offsets(file))
        return -LX_ESPIPE;
    if (!vfs_file_may(file, access))
        return -LX_EBADF;
    return !size || shim_user_ok(buf, size) ? 0 : -LX_EFAULT;
}

enum direction { READ, WRITE };

/* What comes before a file is changed by a write. */
static inline int drop_privileges(struct shim_task *t, const struct vfs_file *file)
{
    return file->kind == VFS_FILE_REGULAR ? vfs_drop_privileges(&t->process->fs->cred, file->inode)
                                          : 0;
}

/* The same, and *size is cut to what may be written. */
static inline int before_write(struct shim_task *t, struct vfs_file *file, int64_t offset,
                               uint64_t *size)
{
    int err = shim_limit_write(t, file, offset, size);
    return err == 0 && *size ? drop_privileges(t, file) : err;
}

/*
 * Move bytes once.
 *   offset   where, or -1: at the file's position.
 */
static inline int64_t move(struct shim_task *t, struct vfs_file *file, enum direction direction,
                           lx_uptr buf, uint64_t size, int64_t offset)
{
    if (direction == READ)
        return offset < 0 ? vfs_file_read(file, (void *)buf, size, &t->sleeper)
                          : vfs_file_pread(file, (void *)buf, size, (uint64_t)offset);
    int err = before_write(t, file, offset, &size);
    if (err < 0)
        return err;
    return offset < 0 ? vfs_file_write(file, (const void *)buf, size, &t->sleeper)
                      : vfs_file_pwrite(file, (const void *)buf, size, (uint64_t)offset);
}

/* Inline, as move() is: a call that takes 15 ns would notice if it were not. */
static inline int64_t transfer_buffer(struct shim_task *t, int32_t fd, lx_uptr buf, uint64_t size,
                                      int64_t offset, enum direction direction)
{
    struct vfs_borrowed b;
    uint32_t access = direction == READ ? PLAT_READ : PLAT_WRITE;
    int64_t result = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (result < 0)
        return result;
    size = cut(size);
    result = check_transfer(b.file, access, buf, size, offset);
    if (result == 0 && b.file->kind == VFS_FILE_SOCKET) {
        result = sys_socket_buffer(t, b.file, direction == WRITE, buf, size);
        vfs_give_back(&b);
        return result;
    }
    if (result == 0)
        result = move(t, b.file, direction, buf, size, offset);
    if (direction == WRITE)
        check_broken(t, b.file, result, size);
    vfs_give_back(&b);
    return direction == WRITE ? after_write(t, result) : sys_interrupted(result);
}

int64_t sys_read(struct shim_task *t, int32_t fd, lx_uptr buf, uint64_t size)
{
    return transfer_buffer(t, fd, buf, size, -1, READ);
}

int64_t sys_write(struct shim_task *t, int32_t fd, lx_uptr buf, uint64_t size)
{
    return transfer_buffer(t, fd, buf, size, -1, WRITE);
}

int64_t sys_pread64(struct shim_task *t, int32_t fd, lx_uptr buf, uint64_t size, int64_t offset)
{
    return offset < 0 ? -LX_EINVAL : transfer_buffer(t, fd, buf, size, offset, READ);
}

int64_t sys_pwrite64(struct shim_task *t, int32_t fd, lx_uptr buf, uint64_t size, int64_t offset)
{
    return offset < 0 ? -LX_EINVAL : transfer_buffer(t, fd, buf, size, offset, WRITE);
}

#define IOV_PART 64u

/* A transfer of several buffers. */
struct vector {
    struct vfs_file *file;
    enum direction direction;
    int64_t offset; /* where, or -1: at the file's position */
    uint32_t rwf;   /* LX_RWF_* */
    lx_uptr iov;    /* of the guest */
    uint64_t count;
    struct lx_iovec part[IOV_PART]; /* a copy of those now worked on */
};

/* Copy in the buffers from number `first` on, as many as fit. */
static int vector_load(struct vector *v, uint64_t first, uint64_t *total)
{
    uint64_t left = v->count - first;
    return shim_copy_iovec(v->part, v->iov + first * sizeof *v->part,
                           left < IOV_PART ? left : IOV_PART, total);
}

/* Look at all of it before anything moves. */
static int vector_check(struct vector *v, uint64_t *total)
{
    *total = 0;
    if (v->count > SHIM_IOV_MAX)
        return -LX_EINVAL;
    for (uint64_t i = 0; i < v->count; i += IOV_PART) {
        uint64_t sum;
        int err = vector_load(v, i, &sum);
        if (err == 0 && __builtin_add_overflow(*total, sum, total))
            err = -LX_EINVAL;
        for (uint64_t k = 0; err == 0 && k < IOV_PART && i + k < v->count; k++)
            err = check_transfer(v->file, 0, v->part[k].iov_base, v->part[k].iov_len, -1);
        if (err < 0)
            return err;
    }
    return *total > INT64_MAX ? -LX_EINVAL : 0;
}

static int64_t vector_move(struct shim_task *t, struct vector *v, lx_uptr buf, uint64_t size,
                           uint64_t done)
{
    int64_t at = v->offset < 0 ? -1 : (int64_t)((uint64_t)v->offset + done);
    int append = (v->rwf & LX_RWF_APPEND) != 0;
    if (v->direction == READ || !(v->rwf & (LX_RWF_APPEND | LX_RWF_NOAPPEND)))
        return move(t, v->file, v->direction, buf, size, at);
    int err = before_write(t, v->file, append ? (int64_t)vfs_file_size(v->file) : at, &size);
    return err < 0 ? err
                   : vfs_file_write_as(v->file, (const void *)buf, size, at, append, &t->sleeper);
}

/* kiocb_set_rw_flags() in Linux. */
static int vector_check_flags(const struct vector *v)
{
    uint32_t waits = v->direction == WRITE ? LX_RWF_NOWAIT : 0;
    if (v->rwf & ~((uint32_t)LX_RWF_KNOWN & ~waits))
        return -LX_EOPNOTSUPP;
    return v->rwf & LX_RWF_APPEND && v->rwf & LX_RWF_NOAPPEND ? -LX_EINVAL : 0;
}

/*
 * Write in pieces of PIPE_BUF, whatever buffers they come from: pipe(7) promises that
 * nobody else's bytes come into one, and makes them packets with O_DIRECT.
 */
static int64_t vector_write_gathered(struct shim_task *t, struct vector *v)
{
    uint8_t bytes[LX_PIPE_BUF];
    uint64_t done = 0, size = 0, sum;
    int64_t n = 0;
    for (uint64_t i = 0; i < v->count && n >= 0; i++) {
        if (i % IOV_PART == 0 && (n = vector_load(v, i, &sum)) < 0)
            break;
        struct lx_iovec b = v->part[i % IOV_PART];
        while (b.iov_len) {
            uint64_t room = sizeof bytes - size, part = b.iov_len < room ? b.iov_len : room;
            n = shim_copy_in(bytes + size, b.iov_base, part);
            if (n < 0)
                break;
            size += part;
            b.iov_base += part;
            b.iov_len -= part;
            if (size < sizeof bytes)
                continue;
            n = vector_move(t, v, (lx_uptr)bytes, size, done);
            if (n < (int64_t)size)
                return done ? (int64_t)done : n;
            done += size;
            size = 0;
        }
    }
    if (n < 0 && v->file->kind == VFS_FILE_PIPE)
        size = 0; /* all of a piece or nothing; other files take what comes before a fault */
    if (size) {
        n = vector_move(t, v, (lx_uptr)bytes, size, done);
        done += n > 0 ? (uint64_t)n : 0;
    }
    return done ? (int64_t)done : n;
}

/* The pieces that must not be seen in parts. */
static int goes_gathered(const struct vector *v, uint64_t total)
{
    return v->direction == WRITE && (total <= LX_PIPE_BUF || (v->file->kind == VFS_FILE_PIPE &&
                                                              v->file->flags & LX_O_DIRECT));
}

/* A packet goes to all buffers, not just to the first one that it meets. */
static int64_t vector_read_packet(struct shim_task *t, struct vector *v, uint64_t total)
{
    uint8_t bytes[LX_PIPE_BUF];
    uint64_t done = 0, sum;
    int64_t n = vector_move(t, v, (lx_uptr)bytes, total < sizeof bytes ? total : sizeof bytes, 0);
    for (uint64_t i = 0; n > 0 && done < (uint64_t)n; i++) {
        if (i % IOV_PART == 0 && vector_load(v, i, &sum) < 0)
            break;
        const struct lx_iovec *b = &v->part[i % IOV_PART];
        uint64_t part = b->iov_len < (uint64_t)n - done ? b->iov_len : (uint64_t)n - done;
        if (shim_copy_out(b->iov_base, bytes + done, part) < 0)
            break;
        done += part;
    }
    return n <= 0 ? n : done ? (int64_t)done : -LX_EFAULT;
}

/* One buffer after the other, until one is not filled. */
static int64_t vector_each(struct shim_task *t, struct vector *v)
{
    uint64_t done = 0, sum;
    int64_t result = 0;
    for (uint64_t i = 0; i < v->count; i++) {
        if (i % IOV_PART == 0 && (result = vector_load(v, i, &sum)) < 0)
            break;
        const struct lx_iovec *b = &v->part[i % IOV_PART];
        uint64_t size = b->iov_len < LX_RW_MAX - done ? b->iov_len : LX_RW_MAX - done;
        if (!size)
            continue;
        result = check_transfer(v->file, 0, b->iov_base, size, -1); /* the guest may change them */
        if (result < 0)
            break;
        /* Only the first buffer may wait: what has come already is not held back. */
        if (v->direction == READ && done && !(vfs_file_poll(v->file, LX_POLLIN) & LX_POLLIN))
            break;
        result = vector_move(t, v, b->iov_base, size, done);
        if (result < 0)
            break;
        done += (uint64_t)result;
        if ((uint64_t)result < size)
            break;
    }
    return done ? (int64_t)done : result;
}

static int64_t transfer_vector(struct shim_task *t, int32_t fd, lx_uptr iov, uint64_t count,
                               int64_t offset, uint32_t rwf, enum direction direction)
{
    struct vfs_borrowed b;
    struct vector v; /* field by field: `part` is large, and filled when it is used */
    v.direction = direction;
    v.offset = offset;
    v.rwf = rwf;
    v.iov = iov;
    v.count = count;
    uint32_t access = direction == READ ? PLAT_READ : PLAT_WRITE;
    uint64_t total = 0;
    int64_t result = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (result < 0)
        return result;
    v.file = b.file;
    result = check_transfer(v.file, access, 0, 0, offset);
    if (result == 0 && v.file->kind == VFS_FILE_SOCKET) {
        result = sys_socket_vector(t, v.file, direction == WRITE, iov, count);
        vfs_give_back(&b);
        return result;
    }
    if (result == 0)
        result = vector_check(&v, &total);
    if (result == 0 && total)
        result = vector_check_flags(&v);
    if (result == 0 && total && direction == READ && count > 1 && v.file->kind == VFS_FILE_PIPE &&
        vfs_pipe_next_is_packet(v.file, &t->sleeper))
        result = vector_read_packet(t, &v, total);
    else if (result == 0 && total)
        result = goes_gathered(&v, total) ? vector_write_gathered(t, &v) : vector_each(t, &v);
    if (direction == WRITE)
        check_broken(t, v.file, result, total);
    vfs_give_back(&b);
    return direction == WRITE ? after_write(t, result) : sys_interrupted(result);
}

int64_t sys_readv(struct shim_task *t, int32_t fd, lx_uptr iov, uint64_t count)
{
    return transfer_vector(t, fd, iov, count, -1, 0, READ);
}

int64_t sys_writev(struct shim_task *t, int32_t fd, lx_uptr iov, uint64_t count)
{
    return transfer_vector(t, fd, iov, count, -1, 0, WRITE);
}

/* The offset's high half is for 32-bit programs: on x86-64 the low one has it all. */
int64_t sys_preadv(struct shim_task *t, int32_t fd, lx_uptr iov, uint64_t count, uint64_t low,
                   uint64_t high)
{
    (void)high;
    return (int64_t)low < 0 ? -LX_EINVAL
                            : transfer_vector(t, fd, iov, count, (int64_t)low, 0, READ);
}

int64_t sys_pwritev(struct shim_task *t, int32_t fd, lx_uptr iov, uint64_t count, uint64_t low,
                    uint64_t high)
{
    (void)high;
    return (int64_t)low < 0 ? -LX_EINVAL
                            : transfer_vector(t, fd, iov, count, (int64_t)low, 0, WRITE);
}

int64_t sys_preadv2(struct shim_task *t, int32_t fd, lx_uptr iov, uint64_t count, uint64_t low,
                    uint64_t high, uint32_t flags)
{
    (void)high;
    return (int64_t)low < -1 ? -LX_EINVAL
                             : transfer_vector(t, fd, iov, count, (int64_t)low, flags, READ);
}

int64_t sys_pwritev2(struct shim_task *t, int32_t fd, lx_uptr iov, uint64_t count, uint64_t low,
                     uint64_t high, uint32_t flags)
{
    (void)high;
    return (int64_t)low < -1 ? -LX_EINVAL
                             : transfer_vector(t, fd, iov, count, (int64_t)low, flags, WRITE);
}

int64_t sys_lseek(struct shim_task *t, int32_t fd, int64_t offset, int32_t whence)
{
    struct vfs_borrowed b;
    int64_t result = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (result < 0)
        return result;
    if (whence < 0 || whence > LX_SEEK_MAX)
        result = b.file->kind == VFS_FILE_PATH ? -LX_EBADF : -LX_EINVAL;
    else
        result = vfs_file_seek(b.file, offset, whence);
    vfs_give_back(&b);
    return result;
}

/* Where a transfer stands on one side: the file's own position, or the caller's. */
struct side {
    struct vfs_file *file;
    lx_uptr offset_at; /* 0: the file's position */
    int64_t offset;
};

static int side_copy_in(struct side *s)
{
    return s->offset_at ? shim_copy_in(&s->offset, s->offset_at, sizeof s->offset) : 0;
}

/* Where a regular file is read or written. */
static int64_t side_position(const struct side *s)
{
    return s->offset_at ? s->offset : (int64_t)s->file->position;
}

/* Through a buffer of ours; what was read and not written is not taken from the source. */
static int64_t transfer(struct shim_task *t, struct side *in, struct side *out, uint64_t size)
{
    uint8_t bytes[COPY_PART];
    uint64_t done = 0;
    int64_t n = 0;
    while (done < size) {
        uint64_t part = size - done < sizeof bytes ? size - done : sizeof bytes;
        n = shim_limit_write(t, out->file, out->offset_at ? out->offset : -1, &part);
        if (n < 0)
            break;
        n = in->offset_at ? vfs_file_pread(in->file, bytes, part, (uint64_t)in->offset)
                          : vfs_file_read(in->file, bytes, part, &t->sleeper);
        if (n <= 0)
            break;
        int64_t got = n;
        n = drop_privileges(t, out->file);
        if (n < 0)
            break;
        n = out->offset_at ? vfs_file_pwrite(out->file, bytes, (uint64_t)got, (uint64_t)out->offset)
                           : vfs_file_write(out->file, bytes, (uint64_t)got, &t->sleeper);
        int64_t written = n > 0 ? n : 0;
        if (in->offset_at)
            in->offset += written;
        else if (written < got && vfs_file_seek(in->file, written - got, LX_SEEK_CUR) < 0)
            break; /* a source that cannot go back: sendfile(2) asks for one that can */
        out->offset += written;
        done += (uint64_t)written;
        if (written < got)
            break;
    }
    int err = in->offset_at ? shim_copy_out(in->offset_at, &in->offset, sizeof in->offset) : 0;
    if (err == 0 && out->offset_at)
        err = shim_copy_out(out->offset_at, &out->offset, sizeof out->offset);
    if (err < 0)
        return err;
    return done ? (int64_t)done : after_write(t, n);
}

/* Into a pipe goes what there is room for. */
static int64_t send_to_pipe(struct shim_task *t, struct side *in, struct vfs_file *out,
                            uint64_t size)
{
    uint64_t at = (uint64_t)in->offset;
    int64_t result = vfs_splice(
        &(struct vfs_splice_side){.file = in->file, .offset = in->offset_at ? &at : NULL},
        &(struct vfs_splice_side){.file = out}, size, 0, &t->sleeper);
    int err = in->offset_at && result > 0 ? shim_copy_out(in->offset_at, &at, sizeof at) : 0;
    return err < 0 ? err : after_write(t, result);
}

/* In the order of do_sendfile() in Linux. */
static int check_source(const struct side *in)
{
    if (!vfs_file_may(in->file, PLAT_READ))
        return -LX_EBADF;
    if (in->offset_at && !vfs_file_has_offsets(in->file))
        return -LX_ESPIPE;
    return in->offset < 0 ? -LX_EINVAL : 0;
}

static int check_send(const struct side *in, const struct side *out)
{
    if (!vfs_file_may(out->file, PLAT_WRITE))
        return -LX_EBADF;
    if (!vfs_file_has_offsets(in->file)) /* what cannot go back could lose something */
        return -LX_EINVAL;
    if (out->file->flags & LX_O_APPEND && out->file->kind != VFS_FILE_PIPE)
        return -LX_EINVAL;
    return 0;
}

int64_t sys_sendfile(struct shim_task *t, int32_t out_fd, int32_t in_fd, lx_uptr offset,
                     uint64_t size)
{
    struct side in = {.offset_at = offset}, out = {0};
    int64_t result = side_copy_in(&in);
    if (result == 0)
        result = vfs_fdtable_get(t->process->fds, in_fd, &in.file);
    if (result == 0)
        result = check_source(&in);
    if (result == 0)
        result = vfs_fdtable_get(t->process->fds, out_fd, &out.file);
    if (result == 0)
        result = check_send(&in, &out);
    if (result == 0 && size && !vfs_splice_can_read(in.file))
        result = -LX_EINVAL;
    if (result == 0)
        result = out.file->kind == VFS_FILE_PIPE ? send_to_pipe(t, &in, out.file, cut(size))
                                                 : transfer(t, &in, &out, cut(size));
    vfs_file_put(in.file);
    vfs_file_put(out.file);
    return result;
}

/* generic_copy_file_checks() in Linux; *size is cut to what there is. */
static int check_copy(const struct side *in, const struct side *out, uint64_t *size)
{
    if (in->file->kind == VFS_FILE_PATH || out->file->kind == VFS_FILE_PATH)
        return -LX_EBADF;
    if (in->file->kind == VFS_FILE_DIRECTORY || out->file->kind == VFS_FILE_DIRECTORY)
        return -LX_EISDIR;
    if (in->file->kind != VFS_FILE_REGULAR || out->file->kind != VFS_FILE_REGULAR)
        return -LX_EINVAL;
    if (!vfs_file_may(in->file, PLAT_READ) || !vfs_file_may(out->file, PLAT_WRITE) ||
        out->file->flags & LX_O_APPEND)
        return -LX_EBADF;
    int64_t from = side_position(in), to = side_position(out);
    int64_t there = (int64_t)vfs_file_size(in->file);
    if ((uint64_t)from + *size < (uint64_t)from || (uint64_t)to + *size < (uint64_t)to)
        return -LX_EOVERFLOW;
    if (from < 0 || to < 0)
        return -LX_EINVAL;
    uint64_t left = from < there ? (uint64_t)(there - from) : 0;
    if (*size > left)
        *size = left;
    if (*size && (uint64_t)to > INT64_MAX - *size)
        return -LX_EFBIG;
    int overlap = (uint64_t)from < (uint64_t)to + *size && (uint64_t)to < (uint64_t)from + *size;
    return in->file->inode == out->file->inode && overlap ? -LX_EINVAL : 0;
}

int64_t sys_copy_file_range(struct shim_task *t, int32_t in_fd, lx_uptr in_offset, int32_t out_fd,
                            lx_uptr out_offset, uint64_t size, uint32_t flags)
{
    struct side in = {.offset_at = in_offset}, out = {.offset_at = out_offset};
    int64_t result = vfs_fdtable_get(t->process->fds, in_fd, &in.file);
    if (result == 0)
        result = vfs_fdtable_get(t->process->fds, out_fd, &out.file);
    if (result == 0)
        result = side_copy_in(&in);
    if (result == 0)
        result = side_copy_in(&out);
    if (result == 0 && flags)
        result = -LX_EINVAL;
    if (result == 0)
        result = check_copy(&in, &out, &size);
    if (result == 0)
        result = transfer(t, &in, &out, cut(size));
    vfs_file_put(in.file);
    vfs_file_put(out.file);
    return result;
}

/* ---- splice(2), tee(2), vmsplice(2) ---- */

static int64_t do_splice(struct shim_task *t, struct side *in, struct side *out, uint64_t size,
                         uint32_t flags)
{
    uint64_t from = 0, to = 0;
    if ((in->file->kind == VFS_FILE_PIPE && in->offset_at) ||
        (out->file->kind == VFS_FILE_PIPE && out->offset_at))
        return -LX_ESPIPE;
    int64_t result = out->offset_at ? shim_copy_in(&to, out->offset_at, sizeof to) : 0;
    if (result == 0 && in->offset_at)
        result = shim_copy_in(&from, in->offset_at, sizeof from);
    if (result < 0)
        return result;
    const struct vfs_splice_side a = {in->file, in->offset_at ? &from : NULL};
    const struct vfs_splice_side b = {out->file, out->offset_at ? &to : NULL};
    if (((a.offset && (int64_t)from < 0) || (b.offset && (int64_t)to < 0)) &&
        (in->file->kind == VFS_FILE_PIPE || out->file->kind == VFS_FILE_PIPE))
        return -LX_EINVAL;
    if (vfs_file_may(out->file, PLAT_WRITE))
        result = drop_privileges(t, out->file);
    if (result == 0)
        result = vfs_splice(&a, &b, size, flags, &t->sleeper);
    int err = result >= 0 && b.offset ? shim_copy_out(out->offset_at, &to, sizeof to) : 0;
    if (err == 0 && result >= 0 && a.offset)
        err = shim_copy_out(in->offset_at, &from, sizeof from);
    return err < 0 ? err : result;
}

int64_t sys_splice(struct shim_task *t, int32_t fd_in, lx_uptr off_in, int32_t fd_out,
                   lx_uptr off_out, uint64_t size, uint32_t flags)
{
    struct side in = {.offset_at = off_in}, out = {.offset_at = off_out};
    if (!size)
        return 0;
    if (flags & ~(uint32_t)LX_SPLICE_F_ALL)
        return -LX_EINVAL;
    int64_t result = vfs_fdtable_get(t->process->fds, fd_in, &in.file);
    if (result == 0)
        result = vfs_fdtable_get(t->process->fds, fd_out, &out.file);
    if (result == 0 && (in.file->kind == VFS_FILE_PATH || out.file->kind == VFS_FILE_PATH))
        result = -LX_EBADF;
    if (result == 0)
        result = do_splice(t, &in, &out, cut(size), flags);
    vfs_file_put(in.file);
    vfs_file_put(out.file);
    return after_write(t, result);
}

int64_t sys_tee(struct shim_task *t, int32_t fd_in, int32_t fd_out, uint64_t size, uint32_t flags)
{
    struct vfs_file *in, *out = NULL;
    if (flags & ~(uint32_t)LX_SPLICE_F_ALL)
        return -LX_EINVAL;
    if (!size)
        return 0;
    int64_t result = vfs_fdtable_get(t->process->fds, fd_in, &in);
    if (result == 0)
        result = vfs_fdtable_get(t->process->fds, fd_out, &out);
    if (result == 0)
        result = vfs_tee(in, out, cut(size), flags, &t->sleeper);
    vfs_file_put(in);
    vfs_file_put(out);
    return after_write(t, result);
}

/* Differs from Linux: the pages are copied, so that later changes to them do not show. */
static int64_t vmsplice_each(struct shim_task *t, struct vector *v, uint32_t flags)
{
    uint64_t done = 0, sum;
    int64_t n = 0;
    for (uint64_t i = 0; i < v->count; i++) {
        if (i % IOV_PART == 0 && (n = vector_load(v, i, &sum)) < 0)
            break;
        const struct lx_iovec *b = &v->part[i % IOV_PART];
        if (!b->iov_len)
            continue;
        n = check_transfer(v->file, 0, b->iov_base, b->iov_len, -1);
        if (n < 0)
            break;
        int waits = !done && !(flags & LX_SPLICE_F_NONBLOCK);
        n = v->direction == WRITE ? vfs_vmsplice_write(v->file, (const void *)b->iov_base,
                                                       cut(b->iov_len), waits, &t->sleeper)
                                  : vfs_vmsplice_read(v->file, (void *)b->iov_base, cut(b->iov_len),
                                                      waits, &t->sleeper);
        if (n < 0)
            break;
        done += (uint64_t)n;
        if ((uint64_t)n < b->iov_len)
            break;
    }
    return done ? (int64_t)done : n;
}

int64_t sys_vmsplice(struct shim_task *t, int32_t fd, lx_uptr iov, uint64_t count, uint32_t flags)
{
    struct vfs_borrowed b;
    struct vector v;
    uint64_t total;
    if (flags & ~(uint32_t)LX_SPLICE_F_ALL)
        return -LX_EINVAL;
    int64_t result = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (result < 0)
        return result;
    v.file = b.file;
    v.direction = vfs_file_may(v.file, PLAT_WRITE) ? WRITE : READ;
    v.iov = iov;
    v.count = count;
    result = vfs_file_may(v.file, v.direction == WRITE ? PLAT_WRITE : PLAT_READ) ? 0 : -LX_EBADF;
    if (result == 0)
        result = vector_check(&v, &total);
    if (result == 0 && total)
        result = v.file->kind == VFS_FILE_PIPE ? vmsplice_each(t, &v, flags) : -LX_EBADF;
    vfs_give_back(&b);
    return after_write(t, result);
}
