/* SPDX-License-Identifier: MIT */
/*
 * Files of the host.
 *
 * Source  open(2), read(2), pread(2), lseek(2), fallocate(2), stat(2), mmap(2), fdatasync(2),
 *         flock(2).
 */

#include "file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "internal.h"
#include "lx/errno.h"

int linux_file_new(int fd, struct plat_file **out)
{
    *out = NULL;
    if (fd < 0)
        return linux_error();
    struct plat_file *f = malloc(sizeof *f);
    if (!f) {
        close(fd);
        return -LX_ENOMEM;
    }
    f->fd = fd;
    *out = f;
    return 0;
}

int plat_host_file_open(const char *path, uint32_t flags, struct plat_file **out)
{
    int mode = O_RDONLY;
    if (flags & PLAT_FILE_WRITE)
        mode = flags & PLAT_FILE_READ ? O_RDWR : O_WRONLY;
    mode |= flags & PLAT_FILE_CREATE ? O_CREAT : 0;
    mode |= flags & PLAT_FILE_TRUNCATE ? O_TRUNC : 0;
    mode |= flags & PLAT_FILE_EXCLUSIVE ? O_EXCL : 0;
    int fd;
    do
        fd = open(path, mode | O_CLOEXEC | O_NOCTTY, 0666);
    while (fd < 0 && errno == EINTR);
    return linux_file_new(fd, out);
}

/* File systems without O_TMPFILE (overlayfs of old kernels) get a name for a moment. */
static int temporary_in(const char *folder)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    char name[4096];
    int length = snprintf(name, sizeof name, "%s/tarbox-XXXXXX", folder);
    if (length < 0 || (size_t)length >= sizeof name) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    return fd;
}

int plat_host_file_temporary(struct plat_file **out)
{
    const char *const folders[] = {getenv("TMPDIR"), "/tmp", "/var/tmp"};
    int fd = -1;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0] && fd < 0; i++) {
        if (folders[i] && folders[i][0])
            fd = temporary_in(folders[i]);
    }
    return linux_file_new(fd, out);
}

int plat_host_file_inherited(uint32_t n, struct plat_file **out)
{
    *out = NULL;
    if (n >= PLAT_INHERIT_MAX || !g_linux.is_guest || g_linux.files[n] < 0)
        return -LX_EBADF;
    return linux_file_new(g_linux.files[n], out);
}

void plat_host_file_close(struct plat_file *f)
{
    if (!f)
        return;
    close(f->fd);
    free(f);
}

int64_t plat_host_file_read(struct plat_file *f, void *buf, uint64_t size)
{
    ssize_t n;
    do
        n = read(f->fd, buf, size);
    while (n < 0 && errno == EINTR);
    return linux_result(n);
}

/* One call moves 2 GiB at most, and a full disk or the end may cut it short. */
int64_t plat_host_file_pread(struct plat_file *f, void *buf, uint64_t size, uint64_t offset)
{
    uint64_t done = 0;
    while (done < size) {
        ssize_t n = pread(f->fd, (char *)buf + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && !done)
            return linux_error();
        if (n <= 0)
            break;
        done += (uint64_t)n;
    }
    return (int64_t)done;
}

int64_t plat_host_file_pwrite(struct plat_file *f, const void *buf, uint64_t size, uint64_t offset)
{
    uint64_t done = 0;
    while (done < size) {
        ssize_t n = pwrite(f->fd, (const char *)buf + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && !done)
            return linux_error();
        if (n <= 0)
            break;
        done += (uint64_t)n;
    }
    return (int64_t)done;
}

enum plat_file_type linux_type_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return PLAT_FILE_REGULAR;
    case S_IFDIR:
        return PLAT_FILE_DIRECTORY;
    case S_IFLNK:
        return PLAT_FILE_SYMLINK;
    default:
        return PLAT_FILE_OTHER;
    }
}

static int64_t ns_of(struct timespec t)
{
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* The host's root is nobody's stand-in: he gives files their owners. */
static uint32_t own(const struct stat *st)
{
    uid_t user = geteuid();
    return user == 0 ? 0
                     : (st->st_uid == user ? PLAT_OWN_USER : 0) |
                           (st->st_gid == getegid() ? PLAT_OWN_GROUP : 0);
}

struct plat_stat linux_stat_of(const struct stat *st)
{
    return (struct plat_stat){
        .type = linux_type_of(st->st_mode),
        .mode = st->st_mode & 07777,
        .size = (uint64_t)st->st_size,
        .allocated = (uint64_t)st->st_blocks * 512,
        .atime_ns = ns_of(st->st_atim),
        .mtime_ns = ns_of(st->st_mtim),
        .ctime_ns = ns_of(st->st_ctim),
        .device = st->st_dev,
        .id = st->st_ino,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .nlink = (uint32_t)st->st_nlink,
        .own = own(st),
    };
}

int plat_host_file_stat(struct plat_file *f, struct plat_stat *out)
{
    *out = (struct plat_stat){0};
    struct stat st;
    if (fstat(f->fd, &st) < 0)
        return linux_error();
    *out = linux_stat_of(&st);
    return 0;
}

int64_t plat_host_file_size(struct plat_file *f)
{
    struct stat st;
    return fstat(f->fd, &st) < 0 ? linux_error() : (int64_t)st.st_size;
}

int plat_host_path_stat(const char *path, struct plat_stat *out)
{
    *out = (struct plat_stat){0};
    struct stat st;
    if (lstat(path, &st) < 0)
        return linux_error();
    *out = linux_stat_of(&st);
    return 0;
}

int plat_host_file_map(struct plat_file *f, uint64_t addr, uint64_t size, const void **out)
{
    *out = NULL;
    if (addr) {
        int err = linux_map_at(addr, size, PROT_READ, MAP_SHARED, f->fd);
        if (!err)
            *out = (const void *)(uintptr_t)addr;
        return err;
    }
    void *view = mmap(NULL, size, PROT_READ, MAP_SHARED, f->fd, 0);
    if (view == MAP_FAILED)
        return linux_error();
    *out = view;
    return 0;
}

void plat_host_file_unmap(const void *view, uint64_t size)
{
    if (view)
        munmap((void *)view, size); /* munmap(2) takes void * of any mapping */
}

int plat_host_file_view(struct plat_file *f, uint64_t offset, uint64_t addr, uint64_t size,
                        int writable, uint64_t *there)
{
    (void)writable; /* the descriptor says it */
    *there = 0;
    void *got = mmap((void *)(uintptr_t)addr, size, PROT_NONE,
                     MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE, f->fd, (off_t)offset);
    if (got == MAP_FAILED)
        return linux_error();
    *there = size;
    return 0;
}

int plat_host_file_view_flush(uint64_t addr, uint64_t size)
{
    return msync((void *)(uintptr_t)addr, size, MS_SYNC) < 0 ? linux_error() : 0;
}

int plat_host_copy_map(struct plat_file *f, uint64_t offset, uint64_t addr, uint64_t size)
{
    void *got = mmap((void *)(uintptr_t)addr, size, PROT_READ, MAP_PRIVATE | MAP_FIXED_NOREPLACE,
                     f->fd, (off_t)offset);
    return got == MAP_FAILED ? linux_error() : 0;
}

void plat_host_copy_unmap(uint64_t addr, uint64_t size)
{
    munmap((void *)(uintptr_t)addr, size);
}

int plat_host_copy_protect(uint64_t addr, uint64_t size, uint32_t prot)
{
    return plat_host_mem_protect(addr, size, prot);
}

int plat_host_file_truncate(struct plat_file *f, uint64_t size)
{
    return ftruncate(f->fd, (off_t)size) < 0 ? linux_error() : 0;
}

int plat_host_file_allocate(struct plat_file *f, uint32_t how, uint64_t offset, uint64_t size)
{
    int mode = (how & PLAT_ALLOCATE_KEEP_SIZE ? FALLOC_FL_KEEP_SIZE : 0) |
               (how & PLAT_ALLOCATE_PUNCH ? FALLOC_FL_PUNCH_HOLE : 0) |
               (how & PLAT_ALLOCATE_ZERO ? FALLOC_FL_ZERO_RANGE : 0);
    int result;
    do
        result = fallocate(f->fd, mode, (off_t)offset, (off_t)size);
    while (result < 0 && errno == EINTR);
    return result < 0 ? linux_error() : 0;
}

void plat_host_file_sparse(struct plat_file *f)
{
    (void)f; /* all are */
}

int64_t plat_host_file_seek(struct plat_file *f, uint64_t offset, int hole)
{
    return linux_result(lseek(f->fd, (off_t)offset, hole ? SEEK_HOLE : SEEK_DATA));
}

/* pwritev2(2): RWF_APPEND appends whatever the offset; with -1 the file's own one is moved. */
int64_t plat_host_file_append(struct plat_file *f, const void *buf, uint64_t size, uint64_t *end)
{
    struct iovec part = {(void *)buf, size}; /* writev(2) takes void * of what it reads */
    ssize_t n;
    *end = 0;
    do
        n = pwritev2(f->fd, &part, 1, -1, RWF_APPEND);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return linux_error();
    off_t at = lseek(f->fd, 0, SEEK_CUR);
    *end = at < 0 ? 0 : (uint64_t)at;
    return n;
}

void plat_host_file_write_back(struct plat_file *f, uint64_t offset, uint64_t size)
{
    int result = sync_file_range(f->fd, (off_t)offset, (off_t)size, SYNC_FILE_RANGE_WRITE);
    (void)result; /* not every file system can; plat_file_sync() counts */
}

int plat_host_file_sync(struct plat_file *f)
{
    return fdatasync(f->fd) < 0 ? linux_error() : 0;
}

int plat_host_file_lock(struct plat_file *f, uint32_t flags)
{
    int operation = flags & PLAT_LOCK_EXCLUSIVE ? LOCK_EX : LOCK_SH, result;
    operation |= flags & PLAT_LOCK_WAIT ? 0 : LOCK_NB;
    do
        result = flock(f->fd, operation);
    while (result < 0 && errno == EINTR);
    return result < 0 ? linux_error() : 0;
}

void plat_host_file_unlock(struct plat_file *f)
{
    flock(f->fd, LOCK_UN);
}
