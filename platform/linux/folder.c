/* SPDX-License-Identifier: MIT */
/*
 * Folders for guests.  The kernel resolves their paths beneath the folder and stops at
 * any symbolic link: openat2(2), from Linux 5.6 on.
 */

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "file.h"
#include "internal.h"
#include "lx/errno.h"

#define RENAME_TRIES 100 /* openat2(2): EAGAIN when directories are renamed meanwhile */

/* A descriptor, or -1 with errno. */
static int open_beneath(const struct plat_file *folder, const char *path, int flags, uint32_t mode)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW),
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    long fd = -1;
    int tries = 0;
    do
        fd = syscall(SYS_openat2, folder->fd, *path ? path : ".", &how, sizeof how);
    while (fd < 0 && (errno == EINTR || (errno == EAGAIN && ++tries < RENAME_TRIES)));
    return (int)fd;
}

#define SELF_SIZE 32

/* A descriptor's name in /proc reaches the very file, also where a call takes no descriptor. */
static void name_self(int fd, char self[SELF_SIZE])
{
    snprintf(self, SELF_SIZE, "/proc/self/fd/%d", fd);
}

/* A name in its directory. */
struct place {
    int fd;           /* of the directory, O_PATH */
    const char *name; /* in the path */
    int is_folder;    /* `fd` is the folder's own */
};

static int find_place(const struct plat_file *folder, const char *path, struct place *out)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    *out = (struct place){folder->fd, path, 1};
    if (!slash)
        return *path ? 0 : -LX_EBUSY; /* the folder has no name in itself */
    size_t length = (size_t)(slash - path);
    if (length >= sizeof parent)
        return -LX_ENAMETOOLONG;
    memcpy(parent, path, length);
    parent[length] = 0;
    out->fd = open_beneath(folder, parent, O_PATH | O_DIRECTORY, 0);
    out->name = slash + 1;
    out->is_folder = 0;
    return out->fd < 0 ? linux_error() : 0;
}

/* Leave a place; `result` and errno are what the call there gave. */
static int leave(const struct place *p, int result)
{
    int err = result < 0 ? linux_error() : 0;
    if (!p->is_folder)
        close(p->fd);
    return err;
}

int plat_host_folder_open(const char *path, struct plat_file **out)
{
    struct plat_file *f;
    int err = linux_file_new(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), &f);
    *out = NULL;
    if (err < 0)
        return err;
    int fd = open_beneath(f, "", O_PATH | O_DIRECTORY, 0);
    err = fd < 0 ? linux_error() : 0; /* -LX_ENOSYS: an old kernel */
    if (err < 0)
        plat_host_file_close(f);
    else
        close(fd);
    if (err == 0)
        *out = f;
    return err;
}

int plat_host_at_open(struct plat_file *folder, const char *path, uint32_t flags, uint32_t mode,
                      struct plat_file **out)
{
    int how = O_NOCTTY | O_NONBLOCK; /* a fifo that somebody put there must not hold us up */
    if (flags & PLAT_FILE_WRITE)
        how |= flags & PLAT_FILE_READ ? O_RDWR : O_WRONLY;
    how |= flags & PLAT_FILE_CREATE ? O_CREAT : 0;
    how |= flags & PLAT_FILE_TRUNCATE ? O_TRUNC : 0;
    how |= flags & PLAT_FILE_EXCLUSIVE ? O_EXCL : 0;
    return linux_file_new(open_beneath(folder, path, how, mode), out);
}

int plat_host_at_list(struct plat_file *folder, const char *path, struct plat_directory **out)
{
    return linux_directory_new(open_beneath(folder, path, O_RDONLY | O_DIRECTORY, 0), out);
}

int plat_host_at_stat(struct plat_file *folder, const char *path, struct plat_stat *out)
{
    struct stat st;
    struct place p;
    *out = (struct plat_stat){0};
    int err = *path ? find_place(folder, path, &p) : 0;
    if (err < 0)
        return err;
    if (*path)
        err = leave(&p, fstatat(p.fd, p.name, &st, AT_SYMLINK_NOFOLLOW));
    else
        err = fstat(folder->fd, &st) < 0 ? linux_error() : 0;
    if (err == 0)
        *out = linux_stat_of(&st);
    return err;
}

int64_t plat_host_at_readlink(struct plat_file *folder, const char *path, char *buf, uint64_t size)
{
    struct place p;
    int err = find_place(folder, path, &p);
    if (err < 0)
        return err;
    ssize_t n = readlinkat(p.fd, p.name, buf, size);
    err = leave(&p, (int)n);
    return err < 0 ? err : n;
}

int plat_host_at_make_directory(struct plat_file *folder, const char *path, uint32_t mode)
{
    struct place p;
    int err = find_place(folder, path, &p);
    return err < 0 ? err : leave(&p, mkdirat(p.fd, p.name, mode));
}

int plat_host_at_make_symlink(struct plat_file *folder, const char *path, const char *target)
{
    struct place p;
    int err = find_place(folder, path, &p);
    return err < 0 ? err : leave(&p, symlinkat(target, p.fd, p.name));
}

/*
 * Hold a file by its path, if it is (`id` 0: whatever it is) the one meant.
 *   returns  a descriptor, O_PATH, to be closed; -LX_ENOENT.
 */
static int hold(struct plat_file *folder, const char *path, uint64_t device, uint64_t id,
                struct stat *st)
{
    struct place p;
    int err = *path ? find_place(folder, path, &p) : 0;
    if (err < 0)
        return err;
    int fd = *path ? openat(p.fd, p.name, O_PATH | O_NOFOLLOW | O_CLOEXEC)
                   : fcntl(folder->fd, F_DUPFD_CLOEXEC, 0);
    err = fd < 0 ? linux_error() : 0;
    if (*path)
        (void)leave(&p, 0);
    if (err < 0)
        return err;
    if (fstat(fd, st) < 0)
        err = linux_error();
    else if (id && (id != st->st_ino || device != st->st_dev))
        err = -LX_ENOENT;
    if (err == 0)
        return fd;
    close(fd);
    return err;
}

/* linkat(2): the name in /proc takes no privilege, as AT_EMPTY_PATH does. */
static int link_to(int fd, struct plat_file *folder, const char *new_path)
{
    char self[SELF_SIZE];
    struct place to;
    int err = find_place(folder, new_path, &to);
    name_self(fd, self);
    return err < 0 ? err : leave(&to, linkat(AT_FDCWD, self, to.fd, to.name, AT_SYMLINK_FOLLOW));
}

int plat_host_at_link(struct plat_file *folder, const char *path, uint64_t device, uint64_t id,
                      const char *new_path)
{
    struct stat st;
    int fd = hold(folder, path, device, id, &st);
    if (fd < 0)
        return fd;
    int err = link_to(fd, folder, new_path);
    close(fd);
    return err;
}

int plat_host_file_link(struct plat_file *f, struct plat_file *folder, const char *new_path)
{
    return link_to(f->fd, folder, new_path);
}

int plat_host_at_remove(struct plat_file *folder, const char *path, enum plat_file_type type)
{
    struct place p;
    int err = find_place(folder, path, &p), flags = type == PLAT_FILE_DIRECTORY ? AT_REMOVEDIR : 0;
    return err < 0 ? err : leave(&p, unlinkat(p.fd, p.name, flags));
}

int plat_host_at_rename(struct plat_file *folder, const char *path, const char *new_path,
                        uint32_t flags)
{
    struct place p, to;
    unsigned how = (flags & PLAT_RENAME_NOREPLACE ? RENAME_NOREPLACE : 0u) |
                   (flags & PLAT_RENAME_EXCHANGE ? RENAME_EXCHANGE : 0u);
    int err = find_place(folder, path, &p);
    if (err < 0)
        return err;
    err = find_place(folder, new_path, &to);
    if (err == 0)
        err = leave(&to, renameat2(p.fd, p.name, to.fd, to.name, how));
    (void)leave(&p, 0);
    return err;
}

static struct timespec time_of(int64_t ns, int is_given)
{
    struct timespec t = {.tv_nsec = UTIME_OMIT};
    if (is_given) {
        t.tv_sec = ns / 1000000000 - (ns % 1000000000 < 0);
        t.tv_nsec = ns - t.tv_sec * 1000000000;
    }
    return t;
}

static int change(int fd, const struct plat_change *c)
{
    char self[SELF_SIZE];
    int result = 0;
    name_self(fd, self);
    if (c->what & PLAT_CHANGE_OWNER)
        result = fchownat(fd, "", c->uid, c->gid, AT_EMPTY_PATH);
    if (result == 0 && c->what & PLAT_CHANGE_MODE)
        result = chmod(self, c->mode);
    if (result == 0 && c->what & (PLAT_CHANGE_ATIME | PLAT_CHANGE_MTIME)) {
        const struct timespec times[] = {time_of(c->atime_ns, c->what & PLAT_CHANGE_ATIME),
                                         time_of(c->mtime_ns, c->what & PLAT_CHANGE_MTIME)};
        result = utimensat(AT_FDCWD, self, times, 0);
    }
    return result < 0 ? linux_error() : 0;
}

int plat_host_file_change(struct plat_file *f, const struct plat_change *c)
{
    return change(f->fd, c);
}

/* Symbolic links have times and an owner, which /proc would follow. */
static int change_link(int fd, const struct plat_change *c)
{
    const struct timespec times[] = {time_of(c->atime_ns, c->what & PLAT_CHANGE_ATIME),
                                     time_of(c->mtime_ns, c->what & PLAT_CHANGE_MTIME)};
    int result = 0;
    if (c->what & PLAT_CHANGE_OWNER)
        result = fchownat(fd, "", c->uid, c->gid, AT_EMPTY_PATH);
    if (result == 0 && c->what & (PLAT_CHANGE_ATIME | PLAT_CHANGE_MTIME))
        result = utimensat(fd, "", times, AT_EMPTY_PATH);
    return result < 0 ? linux_error() : 0;
}

int plat_host_at_change(struct plat_file *folder, const char *path, const struct plat_change *c)
{
    struct stat st;
    int fd = hold(folder, path, c->device, c->id, &st);
    if (fd < 0)
        return fd;
    int err = S_ISLNK(st.st_mode) ? change_link(fd, c) : change(fd, c);
    close(fd);
    return err;
}

static int64_t xattr(int fd, const struct plat_xattr *x)
{
    char self[SELF_SIZE];
    name_self(fd, self);
    switch (x->call) {
    case PLAT_XATTR_GET:
        return linux_result(getxattr(self, x->name, x->value, x->size));
    case PLAT_XATTR_SET:
        return linux_result(setxattr(self, x->name, x->value, x->size,
                                     (x->flags & PLAT_XATTR_CREATE ? XATTR_CREATE : 0) |
                                         (x->flags & PLAT_XATTR_REPLACE ? XATTR_REPLACE : 0)));
    case PLAT_XATTR_LIST:
        return linux_result(listxattr(self, x->value, x->size));
    case PLAT_XATTR_REMOVE:
        return linux_result(removexattr(self, x->name));
    }
    return -LX_EINVAL;
}

int64_t plat_host_file_xattr(struct plat_file *f, const struct plat_xattr *call)
{
    return xattr(f->fd, call);
}

int64_t plat_host_at_xattr(struct plat_file *folder, const char *path,
                           const struct plat_xattr *call)
{
    struct stat st;
    int fd = hold(folder, path, call->device, call->id, &st);
    if (fd < 0)
        return fd;
    int64_t result = xattr(fd, call);
    close(fd);
    return result;
}

int plat_host_folder_space(struct plat_file *folder, struct plat_space *out)
{
    struct statvfs s;
    *out = (struct plat_space){0};
    if (fstatvfs(folder->fd, &s) < 0)
        return linux_error();
    *out = (struct plat_space){.size = (uint64_t)s.f_blocks * s.f_frsize,
                               .free = (uint64_t)s.f_bfree * s.f_frsize,
                               .usable = (uint64_t)s.f_bavail * s.f_frsize,
                               .files = s.f_files,
                               .free_files = s.f_ffree};
    return 0;
}
