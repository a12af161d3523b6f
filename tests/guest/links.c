/* SPDX-License-Identifier: MIT */
/* link(2), symlink(2), readlink(2), and walks over symbolic links. */

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "guest.h"

static void hard(void)
{
    struct stat a, b;
    close(creat("file", 0600));
    CHECK(link("file", "second") == 0);
    CHECK(stat("file", &a) == 0 && stat("second", &b) == 0);
    CHECK(a.st_ino == b.st_ino && a.st_nlink == 2 && b.st_nlink == 2);
    CHECK_ERROR(link("file", "second"), EEXIST);
    CHECK_ERROR(link("none", "third"), ENOENT);
    CHECK_ERROR(link("file", "none/third"), ENOENT);
    CHECK_ERROR(link("file", "third/"), ENOENT);
    CHECK_ERROR(link(".", "third"), EPERM);
    CHECK_ERROR(linkat(AT_FDCWD, "file", AT_FDCWD, "third", 1), EINVAL);
    CHECK(chmod("second", 0640) == 0 && stat("file", &a) == 0 && (a.st_mode & 0777) == 0640);
    CHECK(unlink("file") == 0 && stat("second", &b) == 0 && b.st_nlink == 1);
    CHECK(rename("second", "file") == 0);

    int fd = open("file", O_RDONLY);
    CHECK(linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH) == 0);
    CHECK(stat("again", &a) == 0 && a.st_nlink == 2 && unlink("again") == 0);
    close(fd);
}

static void symbolic(void)
{
    char target[5000];
    struct stat st;
    CHECK(symlink("file", "link") == 0);
    CHECK(lstat("link", &st) == 0 && S_ISLNK(st.st_mode) && st.st_size == 4);
    CHECK((st.st_mode & 07777) == 0777);
    CHECK(stat("link", &st) == 0 && S_ISREG(st.st_mode));
    CHECK(readlink("link", target, sizeof target) == 4 && memcmp(target, "file", 4) == 0);
    CHECK(readlink("link", target, 2) == 2);
    CHECK_ERROR(syscall(SYS_readlink, "link", target, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_readlink, "link", target, -1), EINVAL);
    CHECK_ERROR(readlink("file", target, sizeof target), EINVAL);
    CHECK_ERROR(readlink("none", target, sizeof target), ENOENT);
    CHECK_ERROR(readlink("", target, sizeof target), ENOENT);
    CHECK_ERROR(symlink("x", "link"), EEXIST);
    CHECK_ERROR(symlink("", "empty"), ENOENT);
    CHECK_ERROR(symlink("x", "new/"), ENOENT);
    int place = open("link", O_PATH | O_NOFOLLOW);
    CHECK(place >= 0 && readlinkat(place, "", target, sizeof target) == 4);
    close(place);
    place = open("file", O_PATH);
    CHECK_ERROR(readlinkat(place, "", target, sizeof target), ENOENT);
    close(place);
    CHECK_ERROR(open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK_ERROR(open("link", O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST);

    /* link(2) makes a name of the link itself; linkat() may follow it. */
    CHECK(link("link", "link2") == 0 && lstat("link2", &st) == 0 && S_ISLNK(st.st_mode));
    CHECK(unlink("link2") == 0);
    CHECK(linkat(AT_FDCWD, "link", AT_FDCWD, "file2", AT_SYMLINK_FOLLOW) == 0);
    CHECK(lstat("file2", &st) == 0 && S_ISREG(st.st_mode) && unlink("file2") == 0);

    /* Loops, and chains: 40 may be followed. */
    CHECK(symlink("loop", "loop") == 0);
    CHECK_ERROR(open("loop", O_RDONLY), ELOOP);
    CHECK_ERROR(stat("loop", &st), ELOOP);
    CHECK(unlink("loop") == 0);
    char name[16], next[16];
    for (int i = 0; i < 41; i++) {
        snprintf(name, sizeof name, "c%d", i);
        snprintf(next, sizeof next, "c%d", i + 1);
        CHECK(symlink(i < 40 ? next : "file", name) == 0);
    }
    CHECK(stat("c1", &st) == 0);
    CHECK_ERROR(stat("c0", &st), ELOOP);
    for (int i = 0; i < 41; i++) {
        snprintf(name, sizeof name, "c%d", i);
        CHECK(unlink(name) == 0);
    }

    /* Through directories, up, and to nowhere. */
    CHECK(mkdir("dir", 0700) == 0 && symlink("dir", "to_dir") == 0);
    CHECK(symlink("../file", "dir/up") == 0 && stat("to_dir/up", &st) == 0);
    CHECK(S_ISREG(st.st_mode));
    CHECK(lstat("to_dir/", &st) == 0 && S_ISDIR(st.st_mode));
    CHECK_ERROR(rmdir("to_dir"), ENOTDIR);
    CHECK_ERROR(mkdir("to_dir", 0700), EEXIST);
    CHECK_ERROR(stat("to_dir/up/x", &st), ENOTDIR);
    CHECK(symlink("nowhere", "dangling") == 0);
    CHECK_ERROR(stat("dangling", &st), ENOENT);
    CHECK_ERROR(mkdir("dangling", 0700), EEXIST);
    int fd = open("dangling", O_RDWR | O_CREAT, 0600); /* makes the target */
    CHECK(fd >= 0 && lstat("nowhere", &st) == 0 && S_ISREG(st.st_mode));
    close(fd);
    CHECK(unlink("nowhere") == 0 && unlink("dangling") == 0);

    memset(target, 't', 4095);
    target[4095] = 0;
    CHECK(symlink(target, "long") == 0);
    CHECK_ERROR(stat("long", &st), ENAMETOOLONG);
    CHECK(readlink("long", target, sizeof target) == 4095 && unlink("long") == 0);
    memset(target, 't', 4096);
    target[4096] = 0;
    CHECK_ERROR(symlink(target, "long"), ENAMETOOLONG);
    CHECK(unlink("dir/up") == 0 && rmdir("dir") == 0 && unlink("to_dir") == 0);
    CHECK(unlink("link") == 0);
}

int main(void)
{
    umask(022);
    hard();
    symbolic();
    CHECK(unlink("file") == 0);
    return guest_result();
}
