/* SPDX-License-Identifier: MIT */
/*
 * Every file call with every kind of bad pointer: nothing, the first page, an address nobody can
 * have, the kernel's half, and a page that is not mapped or may not be written.  None of them may
 * do anything but fail with EFAULT, or with what the kernel finds first.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "guest.h"

#define BAD INT64_MIN /* stands for the bad pointer in the table */
#define AT ((long)AT_FDCWD)

enum { FILE_FD = 100, DIR_FD, PIPE_READ, PIPE_WRITE, EVENT, EPOLL, ZERO }; /* descriptors */

static char good[8192];

struct row {
    const char *name;
    long number;
    long arg[6];
    int error;
};

/* How the pointer is used decides which kinds are bad: reading a read-only page is fine. */
static const struct row reads[] = {
    {"open", SYS_open, {BAD, O_RDONLY}, EFAULT},
    {"open to create", SYS_open, {BAD, O_RDWR | O_CREAT, 0600}, EFAULT},
    {"creat", SYS_creat, {BAD, 0600}, EFAULT},
    {"openat", SYS_openat, {AT, BAD, O_RDONLY}, EFAULT},
    {"openat2 path", SYS_openat2, {AT, BAD, (long)good, 24}, EFAULT},
    {"openat2 how", SYS_openat2, {AT, (long)".", BAD, 24}, EFAULT},
    {"write", SYS_write, {FILE_FD, BAD, 100}, EFAULT},
    {"write to a pipe", SYS_write, {PIPE_WRITE, BAD, 100}, EFAULT},
    {"write to an event counter", SYS_write, {EVENT, BAD, 8}, EFAULT},
    {"pwrite64", SYS_pwrite64, {FILE_FD, BAD, 100, 0}, EFAULT},
    {"writev", SYS_writev, {FILE_FD, BAD, 1}, EFAULT},
    {"readv", SYS_readv, {FILE_FD, BAD, 1}, EFAULT},
    {"preadv", SYS_preadv, {FILE_FD, BAD, 2, 0}, EFAULT},
    {"pwritev2", SYS_pwritev2, {FILE_FD, BAD, 2, 0}, EFAULT},
    {"stat path", SYS_stat, {BAD, (long)good}, EFAULT},
    {"lstat path", SYS_lstat, {BAD, (long)good}, EFAULT},
    {"newfstatat path", SYS_newfstatat, {AT, BAD, (long)good, 0}, EFAULT},
    {"statx path", SYS_statx, {AT, BAD, 0, 0x7ff, (long)good}, EFAULT},
    {"access", SYS_access, {BAD, 0}, EFAULT},
    {"faccessat", SYS_faccessat, {AT, BAD, 0}, EFAULT},
    {"statfs path", SYS_statfs, {BAD, (long)good}, EFAULT},
    {"readlink path", SYS_readlink, {BAD, (long)good, 100}, EFAULT},
    {"readlinkat path", SYS_readlinkat, {AT, BAD, (long)good, 100}, EFAULT},
    {"chdir", SYS_chdir, {BAD}, EFAULT},
    {"chroot", SYS_chroot, {BAD}, EFAULT},
    {"mkdir", SYS_mkdir, {BAD, 0700}, EFAULT},
    {"mkdirat", SYS_mkdirat, {AT, BAD, 0700}, EFAULT},
    {"mknod", SYS_mknod, {BAD, 0100600, 0}, EFAULT},
    {"rmdir", SYS_rmdir, {BAD}, EFAULT},
    {"unlink", SYS_unlink, {BAD}, EFAULT},
    {"unlinkat", SYS_unlinkat, {AT, BAD, 0}, EFAULT},
    {"rename from", SYS_rename, {BAD, (long)"x"}, EFAULT},
    {"rename to", SYS_rename, {(long)"file", BAD}, EFAULT},
    {"renameat2 to", SYS_renameat2, {AT, (long)"file", AT, BAD, 0}, EFAULT},
    {"link from", SYS_link, {BAD, (long)"x"}, EFAULT},
    {"link to", SYS_link, {(long)"file", BAD}, EFAULT},
    {"symlink target", SYS_symlink, {BAD, (long)"x"}, EFAULT},
    {"symlink name", SYS_symlink, {(long)"x", BAD}, EFAULT},
    {"chmod", SYS_chmod, {BAD, 0600}, EFAULT},
    {"fchmodat", SYS_fchmodat, {AT, BAD, 0600}, EFAULT},
    {"chown", SYS_chown, {BAD, 0, 0}, EFAULT},
    {"lchown", SYS_lchown, {BAD, 0, 0}, EFAULT},
    {"fchownat", SYS_fchownat, {AT, BAD, 0, 0, 0}, EFAULT},
    {"utime path", SYS_utime, {BAD, 0}, EFAULT},
    {"utimes path", SYS_utimes, {BAD, 0}, EFAULT},
    {"utimensat path", SYS_utimensat, {AT, BAD, 0, 0}, EFAULT},
    {"truncate", SYS_truncate, {BAD, 0}, EFAULT},
    {"setxattr path", SYS_setxattr, {BAD, (long)"user.x", (long)"x", 1, 0}, EFAULT},
    {"setxattr name", SYS_setxattr, {(long)"file", BAD, (long)"x", 1, 0}, EFAULT},
    {"setxattr value", SYS_setxattr, {(long)"file", (long)"user.x", BAD, 1, 0}, EFAULT},
    {"getxattr name", SYS_getxattr, {(long)"file", BAD, (long)good, 10}, EFAULT},
    {"removexattr name", SYS_removexattr, {(long)"file", BAD}, EFAULT},
    {"fcntl F_SETLK", SYS_fcntl, {FILE_FD, F_SETLK, BAD}, EFAULT},
    {"epoll_ctl", SYS_epoll_ctl, {EPOLL, 1, EVENT, BAD}, EFAULT},
    {"ppoll mask", SYS_ppoll, {0, 0, 0, BAD, 8}, EFAULT},
    {"ioctl FIONBIO", SYS_ioctl, {FILE_FD, 0x5421, BAD}, EFAULT},
};

static const struct row writes[] = {
    {"read", SYS_read, {FILE_FD, BAD, 100}, EFAULT},
    {"read of zeros", SYS_read, {ZERO, BAD, 100}, EFAULT},
    {"read of a pipe", SYS_read, {PIPE_READ, BAD, 100}, EFAULT},
    {"pread64", SYS_pread64, {FILE_FD, BAD, 100, 0}, EFAULT},
    {"stat", SYS_stat, {(long)"file", BAD}, EFAULT},
    {"lstat", SYS_lstat, {(long)"file", BAD}, EFAULT},
    {"fstat", SYS_fstat, {FILE_FD, BAD}, EFAULT},
    {"newfstatat", SYS_newfstatat, {AT, (long)"file", BAD, 0}, EFAULT},
    {"statx", SYS_statx, {AT, (long)"file", 0, 0x7ff, BAD}, EFAULT},
    {"statfs", SYS_statfs, {(long)".", BAD}, EFAULT},
    {"fstatfs", SYS_fstatfs, {FILE_FD, BAD}, EFAULT},
    {"readlink", SYS_readlink, {(long)"link", BAD, 100}, EFAULT},
    {"getcwd", SYS_getcwd, {BAD, 4096}, EFAULT},
    {"getdents64", SYS_getdents64, {DIR_FD, BAD, 4096}, EFAULT},
    {"getdents", SYS_getdents, {DIR_FD, BAD, 4096}, EFAULT},
    {"pipe", SYS_pipe, {BAD}, EFAULT},
    {"pipe2", SYS_pipe2, {BAD, O_CLOEXEC}, EFAULT},
    {"fcntl F_GETLK", SYS_fcntl, {FILE_FD, F_GETLK, BAD}, EFAULT},
    {"ioctl FIONREAD", SYS_ioctl, {FILE_FD, 0x541b, BAD}, EFAULT},
    {"poll", SYS_poll, {BAD, 1, 0}, EFAULT},
};

/* NULL means something else to these: nothing is wanted, or a default. */
static const struct row null_is_good[] = {
    {"sendfile", SYS_sendfile, {FILE_FD, FILE_FD, BAD, 1}, EFAULT},
    {"copy_file_range", SYS_copy_file_range, {FILE_FD, BAD, FILE_FD, 0, 1, 0}, EFAULT},
    {"poll timeout", SYS_ppoll, {0, 0, BAD, 0, 0}, EFAULT},
    {"select set", SYS_select, {64, BAD, 0, 0, (long)good}, EFAULT},
    {"select timeout", SYS_select, {0, 0, 0, 0, BAD}, EFAULT},
    {"pselect6 timeout", SYS_pselect6, {0, 0, 0, 0, BAD, 0}, EFAULT},
    {"pselect6 mask", SYS_pselect6, {0, 0, 0, 0, (long)good, BAD}, EFAULT},
    {"utime times", SYS_utime, {(long)"file", BAD}, EFAULT},
    {"utimes times", SYS_utimes, {(long)"file", BAD}, EFAULT},
    {"utimensat times", SYS_utimensat, {AT, (long)"file", BAD, 0}, EFAULT},
    {"futimesat times", SYS_futimesat, {AT, (long)"file", BAD}, EFAULT},
};

static int next_free(void)
{
    int fd = dup(FILE_FD);
    close(fd);
    return fd;
}

static void try_rows(const struct row *rows, size_t count, const char *kind, uintptr_t bad)
{
    for (size_t i = 0; i < count; i++) {
        long a[6];
        for (int k = 0; k < 6; k++)
            a[k] = rows[i].arg[k] == BAD ? (long)bad : rows[i].arg[k];
        int before = next_free();
        CHECK(lseek(DIR_FD, 0, SEEK_SET) == 0 && lseek(FILE_FD, 0, SEEK_SET) == 0);
        errno = 0;
        long result = syscall(rows[i].number, a[0], a[1], a[2], a[3], a[4], a[5]);
        if (result != -1 || errno != rows[i].error || next_free() != before) {
            guest_failures++;
            printf("%s, %s: %ld (errno %d), next descriptor %d, was %d\n", rows[i].name, kind,
                   result, errno, next_free(), before);
        }
    }
}

#define TRY(rows, kind, bad) try_rows(rows, sizeof(rows) / sizeof *(rows), kind, (uintptr_t)(bad))

static void place(int fd, int at)
{
    CHECK(fd >= 0 && dup2(fd, at) == at && close(fd) == 0);
}

/* A transfer that begins well counts what it moved. */
static void across_the_edge(char *end)
{
    CHECK(pwrite(FILE_FD, good, sizeof good, 0) == sizeof good);
    CHECK(pread(FILE_FD, end - 100, 300, 0) == 100);
    CHECK(pwrite(FILE_FD, end - 100, 300, 0) == 100);
    CHECK(read(ZERO, end - 16, 32) == 16);
    CHECK(write(PIPE_WRITE, good, 48) == 48);
    ssize_t n = read(PIPE_READ, end - 16, 48); /* what the pipe loses by it is not defined */
    CHECK(n == 16 || (n == -1 && errno == EFAULT));

    /* A path may end at the very end of what is mapped, and not beyond it. */
    strcpy(end - 5, "file");
    CHECK(access(end - 5, F_OK) == 0);
    memcpy(end - 4, "file", 4);
    CHECK_ERROR(access(end - 4, F_OK), EFAULT);
}

int main(void)
{
    int p[2];
    CHECK(symlink("file", "link") == 0);
    place(open("file", O_RDWR | O_CREAT, 0600), FILE_FD);
    place(open(".", O_RDONLY), DIR_FD);
    CHECK(pipe(p) == 0);
    place(p[0], PIPE_READ);
    place(p[1], PIPE_WRITE);
    place((int)syscall(SYS_eventfd2, 0, 0), EVENT);
    place((int)syscall(SYS_epoll_create1, 0), EPOLL);
    place(open("/dev/zero", O_RDONLY), ZERO);
    CHECK(write(FILE_FD, good, sizeof good) == sizeof good);
    CHECK(write(PIPE_WRITE, good, 4096) == 4096);

    char *pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    memset(pages + 4096, 'x', 4096); /* no end of a string in it */
    char *readonly = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(readonly != MAP_FAILED);
    /* Last: whatever is mapped after that may lie in the hole. */
    CHECK(mprotect(pages + 4096, 4096, PROT_NONE) == 0 && munmap(pages + 8192, 4096) == 0);

    static const struct {
        const char *kind;
        uintptr_t address;
    } everywhere[] = {
        {"the first page", 8},
        {"not canonical", 0x1000000000000000},
        {"the kernel's", 0xffff800000000000},
        {"the last page", (uintptr_t)-4096},
        {"the last byte", (uintptr_t)-1},
    };
    for (size_t i = 0; i < sizeof everywhere / sizeof *everywhere; i++) {
        TRY(reads, everywhere[i].kind, everywhere[i].address);
        TRY(writes, everywhere[i].kind, everywhere[i].address);
        TRY(null_is_good, everywhere[i].kind, everywhere[i].address);
    }
    TRY(reads, "no access", pages + 4096);
    TRY(writes, "no access", pages + 4096);
    TRY(null_is_good, "no access", pages + 4096);
    TRY(reads, "not mapped", pages + 8192);
    TRY(writes, "not mapped", pages + 8192);
    TRY(null_is_good, "not mapped", pages + 8192);
    TRY(writes, "read-only", readonly);
    TRY(writes, "NULL", NULL);

    /* Where nothing is to be moved the pointer does not matter. */
    CHECK(syscall(SYS_write, FILE_FD, 8, 0) == 0 && syscall(SYS_read, FILE_FD, 8, 0) == 0);
    CHECK(syscall(SYS_writev, FILE_FD, 8, 0) == 0 && syscall(SYS_poll, 8, 0, 0) == 0);
    CHECK_ERROR(syscall(SYS_read, 900, 8, 100), EBADF);
    CHECK_ERROR(syscall(SYS_write, DIR_FD, 8, 100), EBADF);
    CHECK_ERROR(syscall(SYS_getdents64, FILE_FD, 8, 100), ENOTDIR);
    across_the_edge(pages + 4096);
    CHECK(unlink("file") == 0 && unlink("link") == 0);
    return guest_result();
}
