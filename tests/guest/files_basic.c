/* SPDX-License-Identifier: MIT */
/*
 * Regular files: open(2) with its flags, read, write, lseek, truncate, stat, holes, names that go
 * while the file is open.
 */

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "guest.h"

#define LARGEFILE 0100000 /* what the kernel adds on x86-64; O_LARGEFILE is 0 here */

static off_t size_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) < 0 ? -1 : st.st_size;
}

static void opening(void)
{
    CHECK_ERROR(open("none", O_RDONLY), ENOENT);
    CHECK_ERROR(open("", O_RDONLY), ENOENT);
    int fd = open("file", O_RDWR | O_CREAT, 0640);
    CHECK(fd >= 0);
    struct stat st;
    CHECK(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0640);
    CHECK(st.st_nlink == 1 && st.st_size == 0 && st.st_blocks == 0);
    CHECK(fcntl(fd, F_GETFL) == (O_RDWR | LARGEFILE));
    CHECK_ERROR(open("file", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
    CHECK_ERROR(open("file/", O_RDONLY), ENOTDIR);
    CHECK_ERROR(open("file/x", O_RDONLY), ENOTDIR);
    CHECK_ERROR(open("file", O_RDONLY | O_DIRECTORY), ENOTDIR);
    CHECK_ERROR(open("new/", O_RDWR | O_CREAT, 0600), EISDIR);
    CHECK_ERROR(open(".", O_RDWR), EISDIR);
    CHECK_ERROR(open(".", O_RDONLY | O_CREAT, 0600), EISDIR);
    CHECK_ERROR(open("file", O_RDWR | O_TMPFILE, 0600), ENOTDIR);
    CHECK_ERROR(open(".", O_RDONLY | O_TMPFILE, 0600), EINVAL);
    char name[300];
    memset(name, 'n', sizeof name - 1);
    name[299] = 0;
    CHECK_ERROR(open(name, O_RDONLY), ENAMETOOLONG);

    /* The lowest free descriptor; O_CREAT of what is there only opens it. */
    int second = open("file", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(second == fd + 1);
    CHECK(fcntl(second, F_GETFD) == FD_CLOEXEC && fcntl(second, F_GETFL) == LARGEFILE);
    CHECK_ERROR(write(second, "x", 1), EBADF);
    close(fd);
    CHECK(open("file", O_WRONLY | O_APPEND) == fd);
    char c;
    CHECK_ERROR(read(fd, &c, 1), EBADF);
    CHECK(write(fd, "x", 1) == 1);
    CHECK(write(second, &c, 0) == -1 && errno == EBADF);
    close(second);
    close(fd);
    CHECK_ERROR(close(fd), EBADF);
    CHECK_ERROR(close(-1), EBADF);

    /* umask(2) */
    mode_t old = umask(027);
    CHECK(umask(027) == 027);
    fd = creat("masked", 0777);
    CHECK(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0750);
    umask(old);
    close(fd);
    CHECK(unlink("masked") == 0);

    /* What is created read-only may still be written by its creator. */
    fd = open("readonly", O_RDWR | O_CREAT | O_EXCL, 0400);
    CHECK(fd >= 0 && write(fd, "abc", 3) == 3);
    close(fd);
    CHECK(unlink("readonly") == 0);

    fd = open(".", O_RDWR | O_TMPFILE, 0600);
    CHECK(fd >= 0 && write(fd, "abc", 3) == 3 && fstat(fd, &st) == 0 && st.st_nlink == 0);
    close(fd);
}

static void place_only(void)
{
    int fd = open("file", O_PATH);
    char c;
    struct stat st;
    CHECK(fd >= 0 && fcntl(fd, F_GETFL) == O_PATH);
    CHECK_ERROR(read(fd, &c, 1), EBADF);
    CHECK_ERROR(write(fd, &c, 1), EBADF);
    CHECK_ERROR(lseek(fd, 0, SEEK_SET), EBADF);
    CHECK_ERROR(ftruncate(fd, 0), EBADF);
    CHECK_ERROR(fchmod(fd, 0600), EBADF);
    CHECK_ERROR(fsync(fd), EBADF);
    CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_NORMAL) == EBADF);
    CHECK(fstat(fd, &st) == 0 && S_ISREG(st.st_mode));
    CHECK(fstatat(fd, "", &st, AT_EMPTY_PATH) == 0);
    CHECK(fchdir(fd) == -1 && errno == ENOTDIR);
    close(fd);
}

static void open2(void)
{
    struct open_how how = {.flags = O_RDONLY};
    CHECK_ERROR(syscall(SYS_openat2, AT_FDCWD, "file", &how, 8), EINVAL);
    CHECK_ERROR(syscall(SYS_openat2, AT_FDCWD, "file", &how, 5000), E2BIG);
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, "file", &how, sizeof how);
    CHECK(fd >= 0);
    close(fd);
    how.mode = 0600;
    CHECK_ERROR(syscall(SYS_openat2, AT_FDCWD, "file", &how, sizeof how), EINVAL);
    how.mode = 0;
    how.flags = 1ull << 40;
    CHECK_ERROR(syscall(SYS_openat2, AT_FDCWD, "file", &how, sizeof how), EINVAL);
    how.flags = O_RDONLY;
    how.resolve = RESOLVE_BENEATH;
    CHECK_ERROR(syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how), EXDEV);
    CHECK_ERROR(syscall(SYS_openat2, AT_FDCWD, "..", &how, sizeof how), EXDEV);
    how.resolve = RESOLVE_BENEATH | RESOLVE_IN_ROOT;
    CHECK_ERROR(syscall(SYS_openat2, AT_FDCWD, "file", &how, sizeof how), EINVAL);
    how.resolve = RESOLVE_IN_ROOT;
    fd = (int)syscall(SYS_openat2, AT_FDCWD, "/../file", &how, sizeof how);
    CHECK(fd >= 0);
    close(fd);
    CHECK(symlink("file", "link") == 0);
    how.resolve = RESOLVE_NO_SYMLINKS;
    CHECK_ERROR(syscall(SYS_openat2, AT_FDCWD, "link", &how, sizeof how), ELOOP);
    CHECK(unlink("link") == 0);
    struct {
        struct open_how how;
        uint64_t more;
    } larger = {{.flags = O_RDONLY}, 0};
    fd = (int)syscall(SYS_openat2, AT_FDCWD, "file", &larger, sizeof larger);
    CHECK(fd >= 0);
    close(fd);
    larger.more = 1;
    CHECK_ERROR(syscall(SYS_openat2, AT_FDCWD, "file", &larger, sizeof larger), E2BIG);
}

static void reading_and_writing(void)
{
    static char in[300000], out[300000];
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (char)(i * 31 + i / 251);
    int fd = open("data", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(write(fd, out, sizeof out) == (ssize_t)sizeof out);
    CHECK(read(fd, in, 1) == 0);
    CHECK(lseek(fd, 0, SEEK_SET) == 0 && read(fd, in, sizeof in) == (ssize_t)sizeof in);
    CHECK(memcmp(in, out, sizeof in) == 0);
    CHECK(lseek(fd, -10, SEEK_END) == (off_t)sizeof out - 10);
    CHECK(read(fd, in, 100) == 10);
    CHECK(lseek(fd, 5, SEEK_CUR) == (off_t)sizeof out + 5);
    CHECK(read(fd, in, 1) == 0);
    CHECK_ERROR(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK_ERROR(lseek(fd, 0, 99), EINVAL);
    CHECK_ERROR(lseek(fd, INT64_MAX, SEEK_CUR), EINVAL);
    CHECK(pread(fd, in, 4, 4094) == 4 && memcmp(in, out + 4094, 4) == 0);
    CHECK(pwrite(fd, "1234", 4, 4094) == 4 && lseek(fd, 0, SEEK_CUR) == (off_t)sizeof out + 5);
    CHECK_ERROR(pread(fd, in, 4, -1), EINVAL);
    CHECK_ERROR(pwrite(fd, in, 4, -1), EINVAL);
    CHECK(pread(fd, in, 4, 1 << 30) == 0);

    /* A hole reads as zeros; truncated bytes do not come back. */
    CHECK(ftruncate(fd, 100) == 0 && size_of(fd) == 100);
    CHECK(ftruncate(fd, 10000) == 0 && size_of(fd) == 10000);
    CHECK(pread(fd, in, 10000, 0) == 10000 && memcmp(in, out, 100) == 0);
    int zeros = 1;
    for (int i = 100; i < 10000; i++)
        zeros &= in[i] == 0;
    CHECK(zeros);
    CHECK(pwrite(fd, "end", 3, 1000000) == 3 && size_of(fd) == 1000003);
    CHECK(pread(fd, in, 5, 999999) == 4 && memcmp(in, "\0end", 4) == 0);
    CHECK(lseek(fd, 0, SEEK_DATA) == 0);
    CHECK(lseek(fd, 1000002, SEEK_HOLE) == 1000003);
    CHECK_ERROR(lseek(fd, 1000003, SEEK_DATA), ENXIO);
    CHECK_ERROR(lseek(fd, 1000003, SEEK_HOLE), ENXIO);
    CHECK_ERROR(ftruncate(fd, -1), EINVAL);
    CHECK_ERROR(truncate("data", -1), EINVAL);
    CHECK_ERROR(truncate(".", 0), EISDIR);
    CHECK_ERROR(truncate("none", 0), ENOENT);
    CHECK(truncate("data", 7) == 0 && size_of(fd) == 7);
    int readonly = open("data", O_RDONLY);
    CHECK_ERROR(ftruncate(readonly, 0), EINVAL);
    close(readonly);
    close(open("data", O_WRONLY | O_TRUNC));
    CHECK(size_of(fd) == 0);

    /* O_APPEND, for write and for pwrite. */
    int append = open("data", O_RDWR | O_APPEND);
    CHECK(write(append, "one", 3) == 3 && write(append, "two", 3) == 3);
    CHECK(lseek(append, 0, SEEK_SET) == 0 && write(append, "three", 5) == 5);
    CHECK(lseek(append, 0, SEEK_CUR) == 11);
    CHECK(pwrite(append, "four", 4, 0) == 4);
    CHECK(pread(append, in, 20, 0) == 15 && memcmp(in, "onetwothreefour", 15) == 0);
    close(append);

    /* Without a name a file lives on. */
    CHECK(unlink("data") == 0);
    struct stat st;
    CHECK(fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == 15);
    CHECK(pread(fd, in, 3, 0) == 3 && memcmp(in, "one", 3) == 0);
    CHECK(pwrite(fd, "ONE", 3, 0) == 3);
    CHECK_ERROR(open("data", O_RDONLY), ENOENT);
    close(fd);
}

static void descriptors_share_the_position(void)
{
    char c[4];
    int fd = open("shared", O_RDWR | O_CREAT, 0600), other = open("shared", O_RDWR), copy = dup(fd);
    CHECK(write(fd, "abcdef", 6) == 6);
    CHECK(lseek(copy, 0, SEEK_CUR) == 6 && lseek(other, 0, SEEK_CUR) == 0);
    CHECK(lseek(copy, 2, SEEK_SET) == 2 && read(fd, c, 2) == 2 && memcmp(c, "cd", 2) == 0);
    CHECK(read(other, c, 1) == 1 && c[0] == 'a');
    close(fd);
    CHECK(read(copy, c, 4) == 2);
    close(copy);
    close(other);
    CHECK(unlink("shared") == 0);
}

static void times_move(void)
{
    struct stat before, after;
    int fd = open("file", O_RDWR);
    const struct timespec old[2] = {{1000, 5}, {2000, 7}};
    CHECK(futimens(fd, old) == 0 && fstat(fd, &before) == 0);
    CHECK(before.st_atim.tv_sec == 1000 && before.st_atim.tv_nsec == 5);
    CHECK(before.st_mtim.tv_sec == 2000 && before.st_mtim.tv_nsec == 7);
    CHECK(write(fd, "x", 1) == 1 && fstat(fd, &after) == 0);
    CHECK(after.st_mtim.tv_sec > 1000000000 && after.st_ctim.tv_sec >= before.st_ctim.tv_sec);
    CHECK(stat("file", &after) == 0 && after.st_ino == before.st_ino);
    close(fd);
}

static void space(void)
{
    char bytes[8192];
    int fd = open("space", O_RDWR | O_CREAT, 0600), readonly = open("space", O_RDONLY);
    CHECK_ERROR(fallocate(-1, 0, 0, 1), EBADF);
    CHECK_ERROR(fallocate(fd, 0, -1, 1), EINVAL);
    CHECK_ERROR(fallocate(fd, 0, 0, 0), EINVAL);
    CHECK_ERROR(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1), EOPNOTSUPP);
    CHECK_ERROR(fallocate(readonly, 0, 0, 1), EBADF);
    CHECK_ERROR(fallocate(fd, 0, INT64_MAX - 1, 5), EFBIG);
    CHECK(fallocate(fd, 0, 0, 8192) == 0 && size_of(fd) == 8192);
    CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 8192, 8192) == 0 && size_of(fd) == 8192);
    memset(bytes, 'b', sizeof bytes);
    CHECK(pwrite(fd, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes);
    CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 6000) == 0);
    CHECK(pread(fd, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes);
    CHECK(bytes[99] == 'b' && bytes[100] == 0 && bytes[5000] == 0 && bytes[6099] == 0 &&
          bytes[6100] == 'b');
    close(readonly);
    close(fd);
    CHECK(unlink("space") == 0);
}

static void copying(void)
{
    char bytes[16] = "";
    int from = open("from", O_RDWR | O_CREAT, 0600), to = open("to", O_RDWR | O_CREAT, 0600);
    int p[2];
    off_t at = 2;
    CHECK(write(from, "0123456789", 10) == 10);
    CHECK(copy_file_range(from, &at, to, NULL, 5, 0) == 5 && at == 7);
    CHECK(lseek(from, 0, SEEK_CUR) == 10 && lseek(to, 0, SEEK_CUR) == 5);
    CHECK(pread(to, bytes, 16, 0) == 5 && memcmp(bytes, "23456", 5) == 0);
    CHECK(copy_file_range(from, NULL, to, NULL, 5, 0) == 0);
    CHECK_ERROR(copy_file_range(from, &at, to, NULL, 5, 1), EINVAL);
    CHECK_ERROR(copy_file_range(-1, NULL, to, NULL, 5, 0), EBADF);
    at = 0;
    off_t over = 3;
    CHECK_ERROR(copy_file_range(from, &at, from, &over, 5, 0), EINVAL);
    CHECK(copy_file_range(from, &at, from, &(off_t){10}, 10, 0) == 10 && size_of(from) == 20);

    CHECK(lseek(from, 4, SEEK_SET) == 4);
    CHECK(syscall(SYS_sendfile, to, from, NULL, 3) == 3 && lseek(from, 0, SEEK_CUR) == 7);
    at = 1;
    CHECK(syscall(SYS_sendfile, to, from, &at, 100) == 19 && at == 20);
    CHECK(lseek(from, 0, SEEK_CUR) == 7);
    CHECK_ERROR(syscall(SYS_sendfile, to, -1, NULL, 3), EBADF);
    CHECK(pipe(p) == 0);
    CHECK(syscall(SYS_sendfile, p[1], from, NULL, 3) == 3);
    CHECK(read(p[0], bytes, 16) == 3 && memcmp(bytes, "789", 3) == 0);
    CHECK_ERROR(syscall(SYS_sendfile, p[0], from, NULL, 3), EBADF);
    close(p[0]);
    close(p[1]);
    close(from);
    close(to);
    CHECK(unlink("from") == 0 && unlink("to") == 0);
}

int main(void)
{
    umask(022);
    opening();
    place_only();
    open2();
    reading_and_writing();
    descriptors_share_the_position();
    times_move();
    space();
    copying();
    CHECK(unlink("file") == 0);
    return guest_result();
}
