/* SPDX-License-Identifier: MIT */
/* open(2), read(2), write(2), lseek(2), truncate(2), pread(2) and their errors. */

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include "guest.h"

static off_t size_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? st.st_size : -1;
}

static void opens(void)
{
    CHECK_ERROR(open("f", O_RDONLY), ENOENT);
    CHECK_ERROR(open("", O_RDONLY), ENOENT);
    int fd = open("f", O_WRONLY | O_CREAT | O_EXCL, 0644);
    CHECK(fd == 3); /* the lowest free */
    char c;
    CHECK_ERROR(read(fd, &c, 1), EBADF);
    CHECK(write(fd, "hello", 5) == 5);
    CHECK(close(fd) == 0);
    CHECK_ERROR(close(fd), EBADF);
    CHECK_ERROR(write(fd, "x", 1), EBADF);
    CHECK_ERROR(open("f", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
    CHECK_ERROR(open("f/", O_RDONLY), ENOTDIR);
    CHECK_ERROR(open("f/g", O_RDONLY), ENOTDIR);
    CHECK_ERROR(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
    CHECK_ERROR(open(".", O_WRONLY), EISDIR);
    CHECK_ERROR(open(".", O_RDONLY | O_CREAT, 0644), EISDIR);
    CHECK_ERROR(open("new/", O_RDONLY | O_CREAT, 0644), EISDIR);
    CHECK_ERROR(open("none/new", O_RDONLY | O_CREAT, 0644), ENOENT);

    fd = open("f", O_RDONLY);
    CHECK_ERROR(write(fd, "x", 1), EBADF);
    CHECK_ERROR(ftruncate(fd, 1), EINVAL);
    CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
    close(fd);
    fd = open("f", O_WRONLY | O_TRUNC);
    CHECK(size_of(fd) == 0);
    close(fd);

    fd = open(".", O_RDONLY | O_DIRECTORY);
    CHECK_ERROR(read(fd, &c, 1), EISDIR);
    int file = openat(fd, "f", O_RDWR);
    CHECK(file >= 0);
    CHECK_ERROR(openat(file, "f", O_RDWR), ENOTDIR);
    CHECK_ERROR(openat(999, "f", O_RDWR), EBADF);
    close(file);
    close(fd);

    fd = open("f", O_PATH);
    CHECK(fd >= 0);
    CHECK_ERROR(read(fd, &c, 1), EBADF);
    CHECK(size_of(fd) == 0);
    close(fd);
    fd = (int)syscall(SYS_creat, "f2", 0600);
    CHECK(fd >= 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY);
    close(fd);
    CHECK(unlink("f2") == 0);
}

static void positions(void)
{
    char buf[32] = "";
    int fd = open("f", O_RDWR | O_TRUNC);
    CHECK(write(fd, "0123456789", 10) == 10);
    CHECK(lseek(fd, 0, SEEK_CUR) == 10);
    CHECK(read(fd, buf, 4) == 0);
    CHECK(lseek(fd, 2, SEEK_SET) == 2);
    CHECK(read(fd, buf, 4) == 4 && memcmp(buf, "2345", 4) == 0);
    CHECK(lseek(fd, -1, SEEK_END) == 9);
    CHECK(read(fd, buf, sizeof buf) == 1 && buf[0] == '9');
    CHECK_ERROR(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK_ERROR(lseek(fd, 0, 99), EINVAL);
    CHECK_ERROR(lseek(999, 0, SEEK_SET), EBADF);

    /* pread and pwrite leave the position alone. */
    lseek(fd, 5, SEEK_SET);
    CHECK(pread(fd, buf, 3, 1) == 3 && memcmp(buf, "123", 3) == 0);
    CHECK(pwrite(fd, "AB", 2, 8) == 2);
    CHECK(lseek(fd, 0, SEEK_CUR) == 5);
    CHECK(pread(fd, buf, 10, 100) == 0);
    CHECK_ERROR(pread(fd, buf, 1, -1), EINVAL);
    CHECK_ERROR(pwrite(fd, buf, 1, -1), EINVAL);

    /* A duplicate shares the position, a second open does not. */
    int same = dup(fd), own = open("f", O_RDONLY);
    CHECK(lseek(same, 0, SEEK_CUR) == 5 && lseek(own, 0, SEEK_CUR) == 0);
    lseek(same, 7, SEEK_SET);
    CHECK(lseek(fd, 0, SEEK_CUR) == 7);
    CHECK(read(own, buf, sizeof buf) == 10 && memcmp(buf, "01234567AB", 10) == 0);
    close(same);
    close(own);
    close(fd);
}

static void appending(void)
{
    char buf[16];
    int fd = open("f", O_RDWR | O_APPEND | O_TRUNC);
    CHECK(write(fd, "one", 3) == 3);
    lseek(fd, 0, SEEK_SET);
    CHECK(write(fd, "two", 3) == 3);
    CHECK(lseek(fd, 0, SEEK_CUR) == 6);
    CHECK(pwrite(fd, "3", 1, 0) == 1); /* appends as well: pwrite(2), BUGS */
    CHECK(pread(fd, buf, sizeof buf, 0) == 7 && memcmp(buf, "onetwo3", 7) == 0);
    CHECK(fcntl(fd, F_SETFL, 0) == 0);
    CHECK(pwrite(fd, "X", 1, 0) == 1 && size_of(fd) == 7);
    close(fd);
}

static void sizes(void)
{
    char buf[8192];
    struct stat st;
    int fd = open("f", O_RDWR | O_TRUNC);
    CHECK(pwrite(fd, "end", 3, 100000) == 3 && size_of(fd) == 100003);
    memset(buf, 1, sizeof buf);
    CHECK(pread(fd, buf, sizeof buf, 50000) == sizeof buf);
    int zeros = 1;
    for (size_t i = 0; i < sizeof buf; i++)
        zeros &= buf[i] == 0;
    CHECK(zeros); /* a hole */
    CHECK(lseek(fd, 0, SEEK_DATA) >= 0 && lseek(fd, 0, SEEK_HOLE) >= 0);
    CHECK(lseek(fd, 100000, SEEK_HOLE) == 100003);
    CHECK_ERROR(lseek(fd, 100003, SEEK_DATA), ENXIO);

    /* What truncation cut off comes back as zeros. */
    CHECK(ftruncate(fd, 100001) == 0 && ftruncate(fd, 100010) == 0);
    CHECK(pread(fd, buf, 10, 100000) == 10 && memcmp(buf, "e\0\0\0\0\0\0\0\0\0", 10) == 0);
    CHECK(truncate("f", 3) == 0 && size_of(fd) == 3);
    CHECK_ERROR(ftruncate(fd, -1), EINVAL);
    CHECK_ERROR(truncate("none", 0), ENOENT);
    CHECK_ERROR(truncate(".", 0), EISDIR);
    CHECK(fallocate(fd, 0, 0, 10000) == 0 && size_of(fd) == 10000);
    CHECK(fsync(fd) == 0 && fdatasync(fd) == 0);
    CHECK(stat("f", &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_size == 10000);
    close(fd);
}

/* An unlinked file lives on behind its descriptor; O_TMPFILE never had a name. */
static void nameless(void)
{
    struct stat st;
    char buf[8];
    int fd = open("gone", O_RDWR | O_CREAT, 0600);
    CHECK(unlink("gone") == 0);
    CHECK(write(fd, "still", 5) == 5 && pread(fd, buf, 5, 0) == 5 && memcmp(buf, "still", 5) == 0);
    CHECK(fstat(fd, &st) == 0 && st.st_nlink == 0);
    CHECK_ERROR(stat("gone", &st), ENOENT);
    close(fd);
    fd = open(".", O_TMPFILE | O_RDWR, 0600);
    CHECK(fd >= 0 && write(fd, "x", 1) == 1);
    CHECK(fstat(fd, &st) == 0 && st.st_nlink == 0 && (st.st_mode & 0777) == 0600);
    close(fd);
}

/* Pages of a larger file, in random order, against a copy in memory. */
static void contents(void)
{
    static unsigned char model[300000], got[sizeof model];
    uint32_t random = 12345;
    int fd = open("f", O_RDWR | O_TRUNC);
    size_t size = 0;
    for (long i = guest_count(300, 10000); i > 0; i--) {
        random = random * 1664525 + 1013904223;
        size_t offset = random % 280000, length = (random >> 8) % 20000;
        if (random >> 28 == 0) {
            CHECK(ftruncate(fd, (off_t)offset) == 0);
            if (offset < size)
                memset(model + offset, 0, size - offset);
            size = offset;
            continue;
        }
        memset(model + offset, (int)(random >> 20), length);
        CHECK(pwrite(fd, model + offset, length, (off_t)offset) == (long)length);
        if (length && offset + length > size)
            size = offset + length;
    }
    CHECK(size_of(fd) == (off_t)size);
    CHECK(pread(fd, got, sizeof got, 0) == (long)size);
    CHECK(memcmp(got, model, size) == 0);
    close(fd);
}

static void handles(void)
{
    struct file_handle h = {.handle_bytes = 0};
    int mount;
    CHECK_ERROR(name_to_handle_at(AT_FDCWD, "/", &h, &mount, 0x40000), EINVAL);
    CHECK_ERROR(name_to_handle_at(AT_FDCWD, "none", &h, &mount, 0), ENOENT);
    CHECK_ERROR(name_to_handle_at(900, "none", &h, &mount, 0), EBADF);
    CHECK_ERROR(name_to_handle_at(AT_FDCWD, "/proc/self/status", &h, &mount, 0), EOPNOTSUPP);
}

int main(void)
{
    umask(022);
    opens();
    positions();
    appending();
    sizes();
    nameless();
    contents();
    CHECK(unlink("f") == 0);
    handles();
    return guest_result();
}
