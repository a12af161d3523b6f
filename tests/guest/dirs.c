/* SPDX-License-Identifier: MIT */
/* mkdir(2), rmdir(2), getdents(2), getcwd(2), chdir(2), "." and "..". */

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "guest.h"

static char start[4096]; /* the directory we begin in */

static nlink_t links(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_nlink : 0;
}

static void make_and_remove(void)
{
    CHECK(mkdir("d", 0755) == 0);
    CHECK_ERROR(mkdir("d", 0755), EEXIST);
    CHECK_ERROR(mkdir("d/", 0755), EEXIST);
    CHECK_ERROR(mkdir(".", 0755), EEXIST);
    CHECK_ERROR(mkdir("none/d", 0755), ENOENT);
    CHECK_ERROR(mkdir("", 0755), ENOENT);
    CHECK(mkdir("d/sub/", 0700) == 0);
    CHECK(links("d") == 3 && links("d/sub") == 2);
    CHECK_ERROR(rmdir("d"), ENOTEMPTY);
    CHECK_ERROR(rmdir("d/sub/."), EINVAL);
    CHECK_ERROR(rmdir("d/sub/.."), ENOTEMPTY);
    CHECK_ERROR(rmdir("none"), ENOENT);
    CHECK_ERROR(unlink("d"), EISDIR);
    CHECK_ERROR(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR), ENOTEMPTY);
    CHECK_ERROR(unlinkat(AT_FDCWD, "d", 0x4000), EINVAL);
    int fd = open("d/file", O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0 && close(fd) == 0);
    CHECK_ERROR(rmdir("d/file"), ENOTDIR);
    CHECK_ERROR(mkdir("d/file/x", 0700), ENOTDIR);
    CHECK(unlink("d/file") == 0);
    CHECK(rmdir("d/sub") == 0 && links("d") == 2);
    CHECK(rmdir("d/") == 0);
}

static void working_directory(void)
{
    char path[4096], expected[4200];
    struct stat here, there;
    CHECK(getcwd(start, sizeof start) == start);
    CHECK(mkdir("a", 0755) == 0 && mkdir("a/b", 0755) == 0);
    CHECK(chdir("a/b") == 0);
    snprintf(expected, sizeof expected, "%s/a/b", strcmp(start, "/") ? start : "");
    CHECK(getcwd(path, sizeof path) && strcmp(path, expected) == 0);
    CHECK(syscall(SYS_getcwd, path, sizeof path) == (long)strlen(expected) + 1);
    CHECK_ERROR(syscall(SYS_getcwd, path, 3), ERANGE);
    CHECK(stat("../..", &here) == 0 && stat(start, &there) == 0 && here.st_ino == there.st_ino);
    CHECK(chdir("..") == 0 && chdir("./b/../../a") == 0);
    CHECK(stat("b", &here) == 0);
    CHECK_ERROR(chdir("none"), ENOENT);
    int fd = open("b", O_RDONLY | O_DIRECTORY);
    CHECK(fchdir(fd) == 0 && chdir("..") == 0);
    CHECK(rename("b", "renamed") == 0);
    CHECK(fchdir(fd) == 0);
    snprintf(expected, sizeof expected, "%s/a/renamed", strcmp(start, "/") ? start : "");
    CHECK(getcwd(path, sizeof path) && strcmp(path, expected) == 0);

    /* A directory that is gone. */
    CHECK(rmdir("../renamed") == 0);
    CHECK_ERROR(syscall(SYS_getcwd, path, sizeof path), ENOENT);
    CHECK_ERROR(open("new", O_CREAT | O_WRONLY, 0600), ENOENT);
    CHECK_ERROR(mkdir("new", 0700), ENOENT);
    CHECK(stat(".", &here) == 0 && here.st_nlink == 0);
    CHECK(chdir("..") == 0);
    close(fd);
    fd = open("/dev/null", O_RDONLY);
    if (fd >= 0) {
        CHECK_ERROR(fchdir(fd), ENOTDIR);
        close(fd);
    }
    CHECK_ERROR(fchdir(999), EBADF);

    /* Nothing is above the root. */
    CHECK(stat("/", &here) == 0 && stat("/../..", &there) == 0);
    CHECK(here.st_ino == there.st_ino && here.st_dev == there.st_dev);
    CHECK(chdir(start) == 0 && rmdir("a") == 0);
}

#define FILES 500

static int name_order(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void listing(void)
{
    char name[256];
    CHECK(mkdir("list", 0755) == 0 && chdir("list") == 0);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "file-%03d", i);
        int fd = open(name, O_CREAT | O_WRONLY | O_EXCL, 0600);
        CHECK(fd >= 0 && close(fd) == 0);
    }
    CHECK(mkdir("sub", 0700) == 0 && symlink("sub", "link") == 0);

    struct dirent **entries;
    int count = scandir(".", &entries, NULL, name_order);
    CHECK(count == FILES + 4);
    for (int i = 0; i < count; i++) {
        struct stat st;
        const char *n = entries[i]->d_name;
        int type = strcmp(n, "link") == 0 ? DT_LNK : strncmp(n, "file-", 5) == 0 ? DT_REG : DT_DIR;
        CHECK(entries[i]->d_type == type);
        CHECK(lstat(n, &st) == 0);
        CHECK(strcmp(n, "..") == 0 || entries[i]->d_ino == st.st_ino);
        if (i < 4 || i >= count - 2)
            printf("%s\n", n);
        free(entries[i]);
    }
    free(entries);

    /* A position can be come back to; removing while reading loses nothing. */
    DIR *dir = opendir(".");
    CHECK(dir != NULL);
    for (int i = 0; i < 10; i++)
        CHECK(readdir(dir) != NULL);
    long position = telldir(dir);
    struct dirent *e = readdir(dir);
    snprintf(name, sizeof name, "%s", e ? e->d_name : "");
    CHECK(readdir(dir) != NULL);
    seekdir(dir, position);
    e = readdir(dir);
    CHECK(e && strcmp(e->d_name, name) == 0);
    rewinddir(dir);
    int removed = 0;
    while ((e = readdir(dir))) {
        if (strncmp(e->d_name, "file-", 5) == 0)
            removed += unlink(e->d_name) == 0;
    }
    CHECK(removed == FILES);
    closedir(dir);

    char small[16];
    int fd = open(".", O_RDONLY | O_DIRECTORY);
    CHECK_ERROR(syscall(SYS_getdents64, fd, small, sizeof small), EINVAL);
    close(fd);
    CHECK(unlink("link") == 0 && rmdir("sub") == 0 && chdir("..") == 0 && rmdir("list") == 0);
    CHECK_ERROR(syscall(SYS_getdents64, 0x7fff, small, sizeof small), EBADF);
}

int main(void)
{
    umask(022);
    make_and_remove();
    working_directory();
    listing();
    return guest_result();
}
