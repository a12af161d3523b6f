/* SPDX-License-Identifier: MIT */
/*
 * Files in a folder of the host's: contents by every way there is, files that lose their
 * name while they are open, directories that change while they are listed.
 */

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "guest.h"

#define BIG 300000

static char big[BIG], buf[BIG + 16];

static off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : -1;
}

static void contents(void)
{
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 7 + i / 251);
    int fd = open("big", O_CREAT | O_EXCL | O_RDWR, 0444); /* readable for all, but open for us */
    CHECK(fd >= 0 && write(fd, big, sizeof big) == BIG && size_of("big") == BIG);
    CHECK(lseek(fd, 0, SEEK_CUR) == BIG && read(fd, buf, 1) == 0);
    CHECK(lseek(fd, 5, SEEK_SET) == 5 && read(fd, buf, sizeof buf) == BIG - 5);
    CHECK(memcmp(buf, big + 5, BIG - 5) == 0);
    CHECK(pread(fd, buf, sizeof buf, 100) == BIG - 100 && memcmp(buf, big + 100, BIG - 100) == 0);
    CHECK(pread(fd, buf, 10, BIG) == 0 && pread(fd, buf, 10, BIG - 3) == 3);
    CHECK(lseek(fd, -1, SEEK_END) == BIG - 1 && read(fd, buf, 10) == 1);
    CHECK(ftruncate(fd, 10) == 0 && size_of("big") == 10 && ftruncate(fd, 20) == 0);
    CHECK(pread(fd, buf, 64, 0) == 20 && memcmp(buf, big, 10) == 0 && buf[19] == 0);
    CHECK(pwrite(fd, "abc", 3, 100000) == 3 && size_of("big") == 100003);
    CHECK(pread(fd, buf, 4, 50000) == 4 && memcmp(buf, "\0\0\0\0", 4) == 0);
    CHECK(fsync(fd) == 0 && fdatasync(fd) == 0);
    CHECK(fallocate(fd, 0, 0, 200000) == 0 && size_of("big") == 200000);
    CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 100, 300000) == 0 && size_of("big") == 200000);
    CHECK(fallocate(fd, 0, 0, 1ll << 62) == -1 && (errno == EFBIG || errno == ENOSPC));
    CHECK_ERROR(write(fd, (void *)8, 10), EFAULT);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    CHECK_ERROR(read(fd, (void *)8, 10), EFAULT);
    CHECK(close(fd) == 0 && unlink("big") == 0);
}

static void appending(void)
{
    int a = open("log", O_CREAT | O_WRONLY | O_APPEND, 0644), b = open("log", O_WRONLY | O_APPEND);
    struct iovec parts[] = {{"ef", 2}, {"gh", 2}};
    CHECK(a >= 0 && b >= 0 && write(a, "ab", 2) == 2 && write(b, "cd", 2) == 2);
    CHECK(writev(a, parts, 2) == 4 && lseek(a, 0, SEEK_CUR) == 8);
    CHECK(close(a) == 0 && close(b) == 0);
    int fd = open("log", O_RDONLY);
    CHECK(read(fd, buf, 64) == 8 && memcmp(buf, "abcdefgh", 8) == 0);
    CHECK_ERROR(write(fd, "x", 1), EBADF);
    CHECK(close(fd) == 0);
    fd = open("log", O_RDWR | O_TRUNC);
    CHECK(fd >= 0 && size_of("log") == 0 && close(fd) == 0);
    CHECK(truncate("log", 5) == 0 && size_of("log") == 5);
    CHECK(unlink("log") == 0);
}

/* A large file with next to nothing in it: where its data is. */
static void holes(void)
{
    const off_t far = 512ll << 20;
    struct stat st;
    int fd = open("holes", O_CREAT | O_RDWR, 0644);
    CHECK(fd >= 0 && pwrite(fd, "begin", 5, 0) == 5 && pwrite(fd, "end", 3, far) == 3);
    CHECK(lseek(fd, 0, SEEK_DATA) == 0 && lseek(fd, 2, SEEK_DATA) == 2);
    CHECK(lseek(fd, far, SEEK_DATA) == far && lseek(fd, far, SEEK_HOLE) == far + 3);
    CHECK_ERROR(lseek(fd, far + 3, SEEK_DATA), ENXIO);
    CHECK_ERROR(lseek(fd, far + 3, SEEK_HOLE), ENXIO);
    CHECK_ERROR(lseek(fd, -1, SEEK_DATA), ENXIO);
    if (!guest_on_wine()) { /* which does not tell where the holes are */
        off_t hole = lseek(fd, 0, SEEK_HOLE), data = lseek(fd, hole, SEEK_DATA);
        CHECK(hole > 0 && hole <= 1 << 20 && data > hole && data <= far && data >= far - (1 << 20));
    }
    CHECK(fstat(fd, &st) == 0 && st.st_size == far + 3 && st.st_blocks < 8192);
    CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1 << 20) == 0);
    CHECK(pread(fd, buf, 5, 0) == 5 && memcmp(buf, "\0\0\0\0\0", 5) == 0);
    CHECK(ftruncate(fd, 2 * far) == 0 && fstat(fd, &st) == 0 && st.st_blocks < 8192);
    CHECK(pread(fd, buf, 3, far) == 3 && memcmp(buf, "end", 3) == 0);
    CHECK(close(fd) == 0 && unlink("holes") == 0);
}

/* Of the class "user.", where the host has some. */
static void extended_attributes(void)
{
    struct stat st;
    int fd = open("f", O_CREAT | O_RDWR, 0644);
    if (setxattr("f", "user.a", "value", 5, 0) == 0) {
        CHECK(getxattr("f", "user.a", buf, 64) == 5 && memcmp(buf, "value", 5) == 0);
        CHECK(fgetxattr(fd, "user.a", NULL, 0) == 5);
        CHECK_ERROR(getxattr("f", "user.a", buf, 4), ERANGE);
        CHECK_ERROR(getxattr("f", "user.a", (void *)8, 5), EFAULT);
        CHECK_ERROR(setxattr("f", "user.a", "x", 1, XATTR_CREATE), EEXIST);
        CHECK_ERROR(setxattr("f", "user.b", "x", 1, XATTR_REPLACE), ENODATA);
        CHECK(listxattr("f", NULL, 0) == 7 && flistxattr(fd, buf, 7) == 7);
        CHECK(memcmp(buf, "user.a", 7) == 0);
        CHECK_ERROR(listxattr("f", buf, 6), ERANGE);
        CHECK(rename("f", "g") == 0 && unlink("g") == 0);
        CHECK(fsetxattr(fd, "user.b", "", 0, 0) == 0 && flistxattr(fd, buf, 64) == 14);
        CHECK(fgetxattr(fd, "user.b", buf, 64) == 0 && fremovexattr(fd, "user.a") == 0);
        CHECK_ERROR(fgetxattr(fd, "user.a", buf, 64), ENODATA);
        CHECK_ERROR(fremovexattr(fd, "user.a"), ENODATA);
        CHECK(mkdir("d", 0755) == 0 && setxattr("d", "user.d", "v", 1, 0) == 0);
        CHECK(getxattr("d", "user.d", buf, 64) == 1 && rmdir("d") == 0);
    } else {
        CHECK(errno == EOPNOTSUPP && listxattr("f", buf, 64) == 0 && unlink("f") == 0);
    }
    CHECK_ERROR(fsetxattr(fd, "user.", "v", 1, 0), EINVAL);
    CHECK_ERROR(fsetxattr(fd, "nobody.a", "v", 1, 0), EOPNOTSUPP);
    CHECK(fstat(fd, &st) == 0 && st.st_nlink == 0 && close(fd) == 0);
    CHECK(symlink("f", "l") == 0);
    CHECK_ERROR(lsetxattr("l", "user.a", "v", 1, 0), EPERM);
    CHECK(unlink("l") == 0);
}

static void mappings(void)
{
    int fd = open("map", O_CREAT | O_RDWR, 0644);
    CHECK(fd >= 0 && write(fd, big, 10000) == 10000);
    char *p = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(p != MAP_FAILED && memcmp(p, big, 10000) == 0 && p[10001] == 0);
    p[0] ^= 1;
    CHECK(pread(fd, buf, 1, 0) == 1 && buf[0] == big[0]);
    CHECK(munmap(p, 10000) == 0);
    int out = open("copy", O_CREAT | O_WRONLY, 0600);
    off_t from = 1;
    CHECK(sendfile(out, fd, &from, 20000) == 9999 && from == 10000 && size_of("copy") == 9999);
    CHECK(close(out) == 0 && close(fd) == 0 && unlink("map") == 0 && unlink("copy") == 0);
}

/* A mapping of a file that may be written shows what is written, or is not to be had. */
static void mapping_and_writing(void)
{
    int fd = open("both", O_CREAT | O_EXCL | O_RDWR, 0644);
    CHECK(fd >= 0 && write(fd, "before", 6) == 6);
    char *p = mmap(NULL, 6, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(p != MAP_FAILED || errno == ENODEV);
    CHECK(pwrite(fd, "after.", 6, 0) == 6);
    if (p != MAP_FAILED)
        CHECK(memcmp(p, "after.", 6) == 0 && munmap(p, 6) == 0);
    CHECK(close(fd) == 0 && unlink("both") == 0);
}

static void names_that_go(void)
{
    struct stat st;
    int fd = open("gone", O_CREAT | O_RDWR, 0600), other;
    CHECK(fd >= 0 && write(fd, "old", 3) == 3 && unlink("gone") == 0);
    CHECK_ERROR(stat("gone", &st), ENOENT);
    CHECK(fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == 3);
    CHECK(write(fd, "er", 2) == 2 && pread(fd, buf, 16, 0) == 5 && memcmp(buf, "older", 5) == 0);
    other = open("gone", O_CREAT | O_EXCL | O_WRONLY, 0600);
    CHECK(other >= 0 && write(other, "new", 3) == 3 && close(other) == 0);
    CHECK(pread(fd, buf, 16, 0) == 5);
    CHECK(rename("gone", "here") == 0 && size_of("here") == 3 && close(fd) == 0);
    fd = open("here", O_RDONLY);
    other = open("next", O_CREAT | O_WRONLY, 0600);
    CHECK(write(other, "newest", 6) == 6 && close(other) == 0);
    CHECK(rename("next", "here") == 0 && size_of("here") == 6); /* in the place of an open file */
    CHECK(read(fd, buf, 16) == 3 && close(fd) == 0);
    CHECK(unlink("here") == 0);
}

static void directories_that_move(void)
{
    struct stat st;
    char cwd[4096];
    CHECK(mkdir("a", 0755) == 0 && mkdir("a/b", 0755) == 0 && chdir("a/b") == 0);
    CHECK(rename("../../a", "../../c") == 0); /* under our feet */
    int fd = open("file", O_CREAT | O_WRONLY, 0644);
    CHECK(fd >= 0 && close(fd) == 0 && stat("../../c/b/file", &st) == 0);
    CHECK(getcwd(cwd, sizeof cwd) && strlen(cwd) > 4 && !strcmp(cwd + strlen(cwd) - 4, "/c/b"));
    CHECK(unlink("file") == 0 && chdir("../..") == 0);
    CHECK(mkdir("d", 0755) == 0 && rename("c/b", "d") == 0 && rename("c", "d/c") == 0);
    CHECK_ERROR(rename("d", "d/c/d"), EINVAL);
    CHECK(rmdir("d/c") == 0 && rmdir("d") == 0);
}

/* As rm -r does it: everything is met although it vanishes meanwhile. */
static void listing_and_removing(void)
{
    char name[32];
    CHECK(mkdir("many", 0755) == 0 && chdir("many") == 0);
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "file-with-a-name-%d", i);
        int fd = open(name, O_CREAT | O_WRONLY, 0600);
        CHECK(fd >= 0 && close(fd) == 0);
    }
    DIR *d = opendir(".");
    int met = 0, typed = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        met++;
        typed += e->d_type == DT_REG;
        CHECK(unlink(e->d_name) == 0);
    }
    CHECK(met == 500 && typed == 500);
    rewinddir(d);
    met = 0;
    while (readdir(d))
        met++;
    CHECK(met == 2 && closedir(d) == 0);
    CHECK(chdir("..") == 0 && rmdir("many") == 0);
}

static void attributes(void)
{
    struct stat st;
    int fd = open("f", O_CREAT | O_WRONLY, 0640);
    CHECK(fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0640);
    CHECK(st.st_uid == geteuid() && st.st_gid == getegid());
    CHECK(fchmod(fd, 0500) == 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0500);
    CHECK(chmod("f", 0600) == 0 && stat("f", &st) == 0 && (st.st_mode & 07777) == 0600);
    struct timespec times[2] = {{1000000000, 0}, {1234567890, 123456700}};
    CHECK(futimens(fd, times) == 0 && stat("f", &st) == 0);
    CHECK(st.st_mtim.tv_sec == 1234567890 && st.st_mtim.tv_nsec == 123456700);
    CHECK(close(fd) == 0 && unlink("f") == 0);
    CHECK(mkdir("d", 0700) == 0 && stat("d", &st) == 0 && (st.st_mode & 07777) == 0700);
    CHECK(rmdir("d") == 0);
    CHECK(symlink("nowhere/at all", "l") == 0 && lstat("l", &st) == 0 && st.st_size == 14);
    CHECK(readlink("l", buf, 64) == 14 && memcmp(buf, "nowhere/at all", 14) == 0);
    CHECK(unlink("l") == 0);
}

int main(void)
{
    contents();
    appending();
    mappings();
    mapping_and_writing();
    holes();
    extended_attributes();
    names_that_go();
    directories_that_move();
    listing_and_removing();
    attributes();
    return guest_result();
}
