/* SPDX-License-Identifier: MIT */
/*
 * For tests/runner/mounts.sh: what a read-only file system refuses, and what one without programs,
 * in Linux' order of errors.
 *
 *   mounted read-only DIRECTORY WRITABLE   DIRECTORY has file, directory, link, fifo; they are two
 *                                          file systems
 *   mounted read-only-folder ..            the same, of the host: there are no fifos
 *   mounted noexec DIRECTORY               which may be written to
 */

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include <linux/openat2.h>

#include "guest.h"

static void opening(int with_fifo)
{
    CHECK_ERROR(open("file", O_WRONLY), EROFS);
    CHECK_ERROR(open("file", O_RDWR), EROFS);
    CHECK_ERROR(open("file", O_RDONLY | O_TRUNC), EROFS);
    CHECK_ERROR(open("link", O_WRONLY), EROFS);
    CHECK_ERROR(open("new", O_RDONLY | O_CREAT, 0600), EROFS);
    CHECK_ERROR(open("file", O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST);
    CHECK_ERROR(open("file/new", O_RDONLY | O_CREAT, 0600), ENOTDIR);
    CHECK_ERROR(open("directory", O_WRONLY), EISDIR);
    CHECK_ERROR(open(".", O_TMPFILE | O_RDWR, 0600), EROFS);
    int fd = open("file", O_RDONLY | O_CREAT, 0600);
    CHECK(fd >= 0);
    CHECK_ERROR(fchmod(fd, 0600), EROFS);
    CHECK_ERROR(fchown(fd, 0, 0), EROFS);
    CHECK_ERROR(futimens(fd, NULL), EROFS);
    CHECK_ERROR(ftruncate(fd, 0), EINVAL);
    close(fd);
    if (with_fifo) {
        fd = open("fifo", O_RDWR);
        CHECK(fd >= 0 && write(fd, "x", 1) == 1);
        close(fd);
    }
}

static void names(const char *writable)
{
    char other[200];
    CHECK_ERROR(mkdir("new", 0700), EROFS);
    CHECK_ERROR(mkdir("directory", 0700), EEXIST);
    CHECK_ERROR(mkdir("none/new", 0700), ENOENT);
    CHECK_ERROR(rmdir("directory"), EROFS);
    CHECK_ERROR(rmdir("none"), EROFS);
    CHECK_ERROR(rmdir("."), EINVAL);
    CHECK_ERROR(unlink("file"), EROFS);
    CHECK_ERROR(unlink("none"), EROFS);
    CHECK_ERROR(unlink("directory"), EROFS);
    CHECK_ERROR(symlink("x", "new"), EROFS);
    CHECK_ERROR(symlink("x", "file"), EEXIST);
    CHECK_ERROR(mknod("new", S_IFIFO | 0600, 0), EROFS);
    CHECK_ERROR(link("file", "new"), EROFS);
    CHECK_ERROR(link("file", "link"), EEXIST);
    CHECK_ERROR(rename("file", "new"), EROFS);
    CHECK_ERROR(rename("none", "new"), EROFS);
    CHECK_ERROR(rename("file", "."), EBUSY);
    snprintf(other, sizeof other, "%s/other", writable);
    int fd = open(other, O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0 && write(fd, "text", 4) == 4);
    close(fd);
    CHECK_ERROR(rename(other, "new"), EXDEV);
    CHECK_ERROR(rename("file", other), EXDEV);
    CHECK_ERROR(rename("none", other), EXDEV);
    CHECK_ERROR(link(other, "new"), EROFS);
    CHECK_ERROR(link("file", other), EEXIST);
    CHECK(unlink(other) == 0);
    CHECK_ERROR(link("file", other), EXDEV);
}

static void attributes(void)
{
    CHECK_ERROR(chmod("file", 0600), EROFS);
    CHECK_ERROR(chmod("none", 0600), ENOENT);
    CHECK_ERROR(chown("directory", 0, 0), EROFS);
    CHECK_ERROR(lchown("link", 0, 0), EROFS);
    CHECK_ERROR(utimensat(AT_FDCWD, "file", NULL, 0), EROFS);
    CHECK_ERROR(truncate("file", 0), EROFS);
    CHECK_ERROR(truncate("directory", 0), EISDIR);
    CHECK_ERROR(truncate("fifo", 0), EINVAL);
    CHECK_ERROR(setxattr("file", "user.a", "b", 1, 0), EROFS);
    CHECK_ERROR(removexattr("file", "user.a"), EROFS);
    CHECK_ERROR(setxattr("file", "system.posix_acl_access", "x", 1, 0), EROFS);
    CHECK_ERROR(removexattr("file", "system.posix_acl_access"), EROFS);
    CHECK(access("file", R_OK) == 0);
    CHECK_ERROR(access("file", W_OK), EROFS);
    CHECK_ERROR(access("directory", W_OK), EROFS);
    CHECK(access("fifo", W_OK) == 0);
}

static void across(const char *directory)
{
    struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_NO_XDEV};
    struct stat here, above;
    struct statvfs v;
    CHECK(stat(".", &here) == 0 && stat("..", &above) == 0 && here.st_dev != above.st_dev);
    CHECK(statvfs(".", &v) == 0 && v.f_flag & ST_RDONLY);
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, "directory/..", &how, sizeof how);
    CHECK(fd >= 0);
    close(fd);
    CHECK_ERROR(syscall(SYS_openat2, AT_FDCWD, "..", &how, sizeof how), EXDEV);
    CHECK_ERROR(syscall(SYS_openat2, AT_FDCWD, directory, &how, sizeof how), EXDEV);
    CHECK_ERROR(rmdir(directory), EBUSY);
    CHECK_ERROR(rename(directory, "/elsewhere"), EBUSY);
}

static void without_programs(void)
{
    char *const argv[] = {"program", NULL};
    int fd = open("program", O_RDWR | O_CREAT, 0755);
    CHECK(fd >= 0 && ftruncate(fd, 4096) == 0);
    CHECK_ERROR(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0,
                EPERM);
    void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK(p != MAP_FAILED);
    CHECK_ERROR(mprotect(p, 4096, PROT_READ | PROT_EXEC), EACCES);
    munmap(p, 4096);
    close(fd);
    CHECK_ERROR(execv("program", argv), EACCES);
    CHECK_ERROR(access("program", X_OK), EACCES);
    CHECK(access(".", X_OK) == 0);
    unlink("program");
}

int main(int argc, char **argv)
{
    if (argc < 3 || chdir(argv[2]) < 0)
        return 2;
    if (!strcmp(argv[1], "noexec")) {
        without_programs();
    } else {
        opening(strcmp(argv[1], "read-only-folder") != 0);
        names(argv[3]);
        attributes();
        across(argv[2]);
    }
    return guest_result();
}
