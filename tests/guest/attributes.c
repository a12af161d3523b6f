/* SPDX-License-Identifier: MIT */
/*
 * chmod(2), chown(2), access(2), utimensat(2), stat(2) in all forms, statx(2), statfs(2), extended
 * attributes; and what a user without privilege may not do.
 */

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>

#include "guest.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452 /* Linux 6.6; newer than Debian 12's headers */
#endif

static mode_t mode_of(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 ? st.st_mode & 07777 : (mode_t)-1;
}

static void modes(void)
{
    int fd = open("file", O_RDWR | O_CREAT, 0644);
    CHECK(chmod("file", 0600) == 0 && mode_of("file") == 0600);
    CHECK(fchmod(fd, 06755) == 0 && mode_of("file") == 06755);
    CHECK(fchmodat(AT_FDCWD, "file", 0640, 0) == 0 && mode_of("file") == 0640);
    CHECK(chmod("file", 0100777 | 0200000) == 0 && mode_of("file") == 0777);
    CHECK_ERROR(chmod("none", 0600), ENOENT);
    CHECK_ERROR(fchmod(900, 0600), EBADF);
    CHECK(symlink("file", "link") == 0 && chmod("link", 0600) == 0 && mode_of("file") == 0600);
    CHECK(syscall(SYS_fchmodat2, AT_FDCWD, "file", 0644, 0) == 0 && mode_of("file") == 0644);
    CHECK(syscall(SYS_fchmodat2, fd, "", 0640, AT_EMPTY_PATH) == 0 && mode_of("file") == 0640);
    CHECK_ERROR(syscall(SYS_fchmodat2, AT_FDCWD, "link", 0600, AT_SYMLINK_NOFOLLOW), EOPNOTSUPP);
    CHECK_ERROR(syscall(SYS_fchmodat2, AT_FDCWD, "file", 0600, 1), EINVAL);

    /* A write by one without privilege takes set-id bits away; chown does. */
    CHECK(chmod("file", 06755) == 0 && chown("file", 1000, 1001) == 0 && mode_of("file") == 0755);
    struct stat st;
    CHECK(fstat(fd, &st) == 0 && st.st_uid == 1000 && st.st_gid == 1001);
    CHECK(chown("file", -1, 5) == 0 && stat("file", &st) == 0);
    CHECK(st.st_uid == 1000 && st.st_gid == 5);
    CHECK(lchown("link", 7, 8) == 0 && lstat("link", &st) == 0 && st.st_uid == 7);
    CHECK(stat("file", &st) == 0 && st.st_uid == 1000);
    CHECK(fchown(fd, 0, 0) == 0 && fchownat(fd, "", 1, 2, AT_EMPTY_PATH) == 0);
    CHECK(fstat(fd, &st) == 0 && st.st_uid == 1 && st.st_gid == 2);
    CHECK(fchownat(AT_FDCWD, "link", 0, 0, 0) == 0 && fstat(fd, &st) == 0 && st.st_uid == 0);
    CHECK_ERROR(fchownat(AT_FDCWD, "link", 0, 0, 1), EINVAL);
    close(fd);
}

static void times(void)
{
    struct stat st, after;
    const struct timespec set[2] = {{11, 22}, {33, 44}};
    const struct timespec omit[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
    const struct timespec part[2] = {{0, UTIME_OMIT}, {55, 66}};
    const struct timespec bad[2] = {{0, 1000000000}, {0, 0}};
    CHECK(utimensat(AT_FDCWD, "file", set, 0) == 0 && stat("file", &st) == 0);
    CHECK(st.st_atim.tv_sec == 11 && st.st_atim.tv_nsec == 22 && st.st_mtim.tv_nsec == 44);
    CHECK(utimensat(AT_FDCWD, "file", part, 0) == 0 && stat("file", &st) == 0);
    CHECK(st.st_atim.tv_sec == 11 && st.st_mtim.tv_sec == 55 && st.st_mtim.tv_nsec == 66);
    CHECK(utimensat(AT_FDCWD, "none", omit, 0) == 0); /* nothing to do: no path is looked at */
    CHECK_ERROR(utimensat(AT_FDCWD, "file", bad, 0), EINVAL);
    CHECK_ERROR(utimensat(AT_FDCWD, "none", set, 0), ENOENT);
    CHECK_ERROR(utimensat(AT_FDCWD, "file", set, 1), EINVAL);
    CHECK(utimensat(AT_FDCWD, "link", set, AT_SYMLINK_NOFOLLOW) == 0);
    CHECK(stat("file", &after) == 0 && after.st_mtim.tv_sec == 55);
    CHECK(lstat("link", &after) == 0 && after.st_mtim.tv_sec == 33);
    CHECK(utimensat(AT_FDCWD, "file", NULL, 0) == 0 && stat("file", &after) == 0);
    CHECK(after.st_mtim.tv_sec > 1000000000 && after.st_atim.tv_sec > 1000000000);
    CHECK(utime("file", &(struct utimbuf){3, 4}) == 0 && stat("file", &st) == 0);
    CHECK(st.st_atim.tv_sec == 3 && st.st_mtim.tv_sec == 4);
    const struct timeval tv[2] = {{5, 6}, {7, 8}}, wrong[2] = {{0, 1000000}, {0, 0}};
    CHECK(syscall(SYS_utimes, "file", tv) == 0 && stat("file", &st) == 0);
    CHECK(st.st_atim.tv_nsec == 6000 && st.st_mtim.tv_sec == 7);
    CHECK_ERROR(syscall(SYS_utimes, "file", wrong), EINVAL);
    CHECK(syscall(SYS_futimesat, AT_FDCWD, "file", NULL) == 0);
}

static void forms_of_stat(void)
{
    struct stat st, link;
    struct statx x;
    struct statfs fs;
    int fd = open("file", O_RDWR | O_TRUNC);
    CHECK(write(fd, "12345", 5) == 5 && fstat(fd, &st) == 0);
    CHECK(st.st_size == 5 && st.st_blksize > 0 && st.st_blocks > 0 && st.st_rdev == 0);
    CHECK(lstat("link", &link) == 0 && link.st_size == 4);
    CHECK_ERROR(fstatat(AT_FDCWD, "file", &st, 1), EINVAL);
    CHECK_ERROR(fstatat(AT_FDCWD, "", &st, 0), ENOENT);
    CHECK(fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH) == 0 && S_ISDIR(st.st_mode));
    CHECK_ERROR(fstatat(900, "", &st, AT_EMPTY_PATH), EBADF);
    CHECK_ERROR(fstatat(900, NULL, &st, 0), EFAULT);
    CHECK(statx(AT_FDCWD, "file", 0, STATX_BASIC_STATS, &x) == 0);
    CHECK((x.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS && x.stx_size == 5);
    CHECK(fstat(fd, &st) == 0 && x.stx_ino == st.st_ino && x.stx_mode == st.st_mode);
    CHECK(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &x) == 0 && x.stx_size == 5);
    CHECK_ERROR(statx(AT_FDCWD, "file", AT_STATX_SYNC_TYPE, STATX_SIZE, &x), EINVAL);
    CHECK_ERROR(statx(AT_FDCWD, "file", 0, STATX__RESERVED, &x), EINVAL);
    CHECK_ERROR(statx(AT_FDCWD, "file", 1, STATX_SIZE, &x), EINVAL);
    CHECK(statfs("file", &fs) == 0 && fs.f_namelen == 255 && fs.f_bsize > 0 && fs.f_blocks > 0);
    CHECK(fstatfs(fd, &fs) == 0);
    CHECK_ERROR(statfs("none", &fs), ENOENT);
    CHECK_ERROR(fstatfs(900, &fs), EBADF);
    CHECK(fsync(fd) == 0 && fdatasync(fd) == 0 && syncfs(fd) == 0);
    CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED) == 0);
    CHECK(posix_fadvise(fd, 0, 0, 99) == EINVAL);
    CHECK(readahead(fd, 0, 4096) == 0);
    close(fd);
}

/*
 * An access control list either is the file's mode, or there are none: `cp -p` and `tar` believe
 * what they are told.
 */
static void lists(void)
{
    static const uint8_t rw_r__[] = {2,    0,    0, 0, 1,    0,    6,    0,    0xff, 0xff,
                                     0xff, 0xff, 4, 0, 4,    0,    0xff, 0xff, 0xff, 0xff,
                                     32,   0,    0, 0, 0xff, 0xff, 0xff, 0xff};
    CHECK(chmod("file", 0755) == 0);
    if (setxattr("file", "system.posix_acl_access", rw_r__, sizeof rw_r__, 0) == 0)
        CHECK(mode_of("file") == 0640);
    else
        CHECK(errno == EOPNOTSUPP && mode_of("file") == 0755);
    errno = 0;
    CHECK(getxattr("file", "system.posix_acl_access", NULL, 0) < 0);
    CHECK(errno == ENODATA || errno == EOPNOTSUPP);
}

/* As large as they can be, where the file system has room for that. */
static void large_value(void)
{
    static char value[65537];
    memset(value, 'v', sizeof value);
    if (setxattr("file", "user.big", value, 65536, 0) < 0) {
        CHECK(errno == ENOSPC);
        return;
    }
    memset(value, 0, sizeof value);
    CHECK(getxattr("file", "user.big", NULL, 0) == 65536);
    CHECK_ERROR(getxattr("file", "user.big", value, 65535), ERANGE);
    CHECK(getxattr("file", "user.big", value, sizeof value) == 65536 && value[65535] == 'v');
    CHECK_ERROR(setxattr("file", "user.big", (void *)8, 65536, 0), EFAULT);
    CHECK_ERROR(setxattr("none", "user.big", value, 65536, 0), ENOENT);
    CHECK(removexattr("file", "user.big") == 0);
}

static void attributes(void)
{
    static char value[65537];
    char list[100];
    int fd = open("file", O_RDWR);
    if (setxattr("file", "user.one", "1", 1, 0) < 0) {
        CHECK(errno == EOPNOTSUPP); /* an older tmpfs has none of this class */
        close(fd);
        return;
    }
    CHECK(fsetxattr(fd, "user.two", "second", 6, XATTR_CREATE) == 0);
    CHECK_ERROR(setxattr("file", "user.two", "x", 1, XATTR_CREATE), EEXIST);
    CHECK_ERROR(setxattr("file", "user.three", "x", 1, XATTR_REPLACE), ENODATA);
    CHECK_ERROR(setxattr("file", "user.three", "x", 1, 8), EINVAL);
    CHECK_ERROR(setxattr("file", "nonsense", "x", 1, 0), EOPNOTSUPP);
    CHECK_ERROR(setxattr("file", "", "x", 1, 0), ERANGE);
    CHECK_ERROR(setxattr("file", "user.big", value, 65537, 0), E2BIG);
    large_value();
    CHECK(getxattr("link", "user.two", value, sizeof value) == 6);
    CHECK(memcmp(value, "second", 6) == 0);
    CHECK(fgetxattr(fd, "user.two", NULL, 0) == 6);
    CHECK_ERROR(getxattr("file", "user.two", value, 3), ERANGE);
    CHECK_ERROR(getxattr("file", "user.none", value, 3), ENODATA);
    CHECK_ERROR(lsetxattr("link", "user.x", "x", 1, 0), EPERM);
    ssize_t n = listxattr("file", list, sizeof list);
    CHECK(n >= 18 && memmem(list, (size_t)n, "user.one", 9) &&
          memmem(list, (size_t)n, "user.two", 9));
    CHECK(flistxattr(fd, NULL, 0) == n);
    CHECK_ERROR(listxattr("file", list, 3), ERANGE);
    CHECK(removexattr("file", "user.one") == 0);
    CHECK_ERROR(fremovexattr(fd, "user.one"), ENODATA);
    CHECK(fremovexattr(fd, "user.two") == 0);
    close(fd);
}

/* Another user, for file access only. */
static void without_privilege(void)
{
    char c;
    CHECK(mkdir("closed", 0700) == 0 && mkdir("sticky", 01777) == 0 && chmod("sticky", 01777) == 0);
    close(creat("closed/file", 0666));
    close(creat("sticky/file", 0666));
    close(creat("private", 0600));
    close(creat("group", 0640));
    CHECK(chmod("sticky/file", 0666) == 0);
    CHECK(chown("group", 0, 4321) == 0);
    CHECK(access("private", R_OK | W_OK) == 0);
    CHECK_ERROR(access("private", X_OK), EACCES);
    CHECK_ERROR(access("private", 8), EINVAL);
    setfsgid(4321);
    setfsuid(1234);
    CHECK_ERROR(open("private", O_RDONLY), EACCES);
    CHECK_ERROR(open("closed/file", O_RDONLY), EACCES);
    CHECK_ERROR(open("group", O_RDWR), EACCES);
    int fd = open("group", O_RDONLY);
    CHECK(fd >= 0 && read(fd, &c, 1) == 0);
    CHECK_ERROR(fchmod(fd, 0666), EPERM);
    CHECK_ERROR(fchown(fd, 1234, -1), EPERM);
    CHECK_ERROR(futimens(fd, (const struct timespec[2]){{1, 1}, {1, 1}}), EPERM);
    CHECK_ERROR(futimens(fd, NULL), EACCES);
    close(fd);
    CHECK_ERROR(unlink("sticky/file"), EPERM);
    fd = open("sticky/mine", O_RDWR | O_CREAT, 0600);
    struct stat st;
    CHECK(fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == 1234 && st.st_gid == 4321);
    CHECK(fchmod(fd, 0644) == 0 && unlink("sticky/mine") == 0);
    close(fd);
    CHECK_ERROR(open("new", O_RDWR | O_CREAT, 0600), EACCES);
    CHECK_ERROR(mkdir("new", 0700), EACCES);
    CHECK_ERROR(rename("private", "other"), EACCES);
    setfsuid(0);
    setfsgid(0);
    CHECK(unlink("closed/file") == 0 && rmdir("closed") == 0);
    CHECK(unlink("sticky/file") == 0 && rmdir("sticky") == 0);
    CHECK(unlink("private") == 0 && unlink("group") == 0);
}

int main(void)
{
    umask(022);
    CHECK(mkdir("top", 0755) == 0 && chdir("top") == 0);
    modes();
    times();
    forms_of_stat();
    lists();
    attributes();
    without_privilege();
    CHECK(unlink("file") == 0 && unlink("link") == 0);
    CHECK(chdir("..") == 0 && rmdir("top") == 0);
    return guest_result();
}
