/* SPDX-License-Identifier: MIT */
/* rename(2), link(2), symlink(2), readlink(2), and what can be wrong with a path. */

#include <fcntl.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "guest.h"

static ino_t number(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 ? st.st_ino : 0;
}

static nlink_t links(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 ? st.st_nlink : 0;
}

static void make(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_EXCL, 0600);
    CHECK(fd >= 0 && close(fd) == 0);
}

static void renames(void)
{
    make("a");
    make("b");
    ino_t a = number("a"), b = number("b");
    CHECK(rename("a", "c") == 0 && number("c") == a && number("a") == 0);
    CHECK(rename("c", "b") == 0 && number("b") == a && number("c") == 0); /* replaces */
    CHECK(rename("b", "b") == 0 && number("b") == a);
    CHECK_ERROR(rename("none", "x"), ENOENT);
    CHECK_ERROR(rename("b", "none/x"), ENOENT);
    CHECK_ERROR(rename("b", "c/"), ENOTDIR);
    CHECK_ERROR(rename("b/", "c"), ENOTDIR);
    CHECK_ERROR(rename(".", "x"), EBUSY);
    CHECK_ERROR(rename("b", ".."), EBUSY);
    (void)b;

    CHECK(mkdir("d", 0700) == 0 && mkdir("e", 0700) == 0 && mkdir("d/sub", 0700) == 0);
    CHECK_ERROR(rename("b", "d"), EISDIR);
    CHECK_ERROR(rename("d", "b"), ENOTDIR);
    CHECK_ERROR(rename("d", "d/sub/x"), EINVAL);
    CHECK_ERROR(rename("d/sub", "d"), ENOTEMPTY);
    CHECK_ERROR(rename("e", "d"), ENOTEMPTY);
    CHECK(rename("d/sub", "e/moved/") == 0);
    CHECK(links("d") == 2 && links("e") == 3);
    struct stat above, e;
    CHECK(stat("e/moved/..", &above) == 0 && stat("e", &e) == 0 && above.st_ino == e.st_ino);
    ino_t moved = number("e");
    CHECK(rename("e", "d") == 0 && number("d") == moved); /* replaces an empty directory */

    /* Two names of one file: nothing happens. */
    CHECK(link("b", "b2") == 0);
    CHECK(rename("b", "b2") == 0 && links("b") == 2 && number("b2") == a);
    CHECK(unlink("b2") == 0 && links("b") == 1);

    make("f");
    ino_t f = number("f");
    CHECK_ERROR(renameat2(AT_FDCWD, "b", AT_FDCWD, "f", RENAME_NOREPLACE), EEXIST);
    CHECK(renameat2(AT_FDCWD, "b", AT_FDCWD, "g", RENAME_NOREPLACE) == 0);
    CHECK(renameat2(AT_FDCWD, "g", AT_FDCWD, "f", RENAME_EXCHANGE) == 0);
    CHECK(number("g") == f && number("f") == a);
    CHECK(renameat2(AT_FDCWD, "g", AT_FDCWD, "d/moved", RENAME_EXCHANGE) == 0);
    CHECK(number("d/moved") == f && links("d") == 2 && links("g") == 2);
    CHECK_ERROR(renameat2(AT_FDCWD, "g", AT_FDCWD, "none", RENAME_EXCHANGE), ENOENT);
    CHECK_ERROR(renameat2(AT_FDCWD, "g", AT_FDCWD, "d", RENAME_EXCHANGE | RENAME_NOREPLACE),
                EINVAL);
    CHECK_ERROR(renameat2(AT_FDCWD, "g", AT_FDCWD, "d", 0x100), EINVAL);
    CHECK(unlink("d/moved") == 0 && rmdir("d") == 0 && rmdir("g") == 0 && unlink("f") == 0);
}

static void hard_links(void)
{
    make("a");
    CHECK(mkdir("d", 0700) == 0);
    CHECK(link("a", "d/b") == 0 && links("a") == 2 && number("a") == number("d/b"));
    CHECK_ERROR(link("a", "d/b"), EEXIST);
    CHECK_ERROR(link("d", "d2"), EPERM);
    CHECK_ERROR(link("none", "x"), ENOENT);
    CHECK_ERROR(link("a", "none/x"), ENOENT);
    CHECK(symlink("a", "s") == 0);
    CHECK(link("s", "s2") == 0 && links("s") == 2); /* the link itself */
    CHECK(linkat(AT_FDCWD, "s", AT_FDCWD, "a2", AT_SYMLINK_FOLLOW) == 0 && links("a") == 3);
    CHECK_ERROR(linkat(AT_FDCWD, "s", AT_FDCWD, "a3", 0x4), EINVAL);
    CHECK(unlink("a") == 0 && links("d/b") == 2);
    CHECK(unlink("s") == 0 && unlink("s2") == 0 && unlink("a2") == 0 && unlink("d/b") == 0);
    CHECK(rmdir("d") == 0);
}

static void symbolic_links(void)
{
    char buf[64];
    struct stat st;
    CHECK(mkdir("d", 0700) == 0);
    make("d/file");
    CHECK(symlink("d", "to-d") == 0 && symlink("d/file", "to-file") == 0);
    CHECK(symlink("none", "dangling") == 0 && symlink("loop", "loop") == 0);
    CHECK_ERROR(symlink("x", "d"), EEXIST);
    CHECK_ERROR(symlink("", "empty"), ENOENT);
    CHECK_ERROR(symlink("x", "new/"), ENOENT);
    CHECK(readlink("to-file", buf, sizeof buf) == 6 && memcmp(buf, "d/file", 6) == 0);
    CHECK(readlink("to-file", buf, 3) == 3);
    CHECK_ERROR(readlink("d", buf, sizeof buf), EINVAL);
    CHECK_ERROR(readlink("to-file", buf, 0), EINVAL);
    CHECK_ERROR(readlink("none", buf, sizeof buf), ENOENT);
    CHECK(lstat("to-file", &st) == 0 && S_ISLNK(st.st_mode) && st.st_size == 6);
    CHECK((st.st_mode & 0777) == 0777);
    CHECK(stat("to-d/file", &st) == 0 && S_ISREG(st.st_mode));
    CHECK(lstat("to-d/", &st) == 0 && S_ISDIR(st.st_mode));
    CHECK(stat("to-d/../to-file", &st) == 0);
    CHECK_ERROR(stat("dangling", &st), ENOENT);
    CHECK_ERROR(stat("loop", &st), ELOOP);
    CHECK_ERROR(stat("loop/x", &st), ELOOP);
    CHECK_ERROR(stat("to-file/", &st), ENOTDIR);
    CHECK_ERROR(open("to-file", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK_ERROR(open("dangling", O_CREAT | O_EXCL | O_WRONLY, 0600), EEXIST);
    CHECK_ERROR(rmdir("to-d"), ENOTDIR);
    CHECK_ERROR(mkdir("dangling", 0700), EEXIST);
    int fd = open("dangling", O_CREAT | O_WRONLY, 0600); /* makes what it points to */
    CHECK(fd >= 0 && close(fd) == 0 && unlink("none") == 0);
    CHECK(unlink("to-file") == 0 && unlink("dangling") == 0 && unlink("loop") == 0);

    /* 40 links in a row are fine, 41 are not. */
    char name[16], target[16] = "d";
    for (int i = 0; i < 41; i++) {
        snprintf(name, sizeof name, "l%d", i);
        CHECK(symlink(target, name) == 0);
        strcpy(target, name);
    }
    CHECK(stat("l39", &st) == 0);
    CHECK_ERROR(stat("l40", &st), ELOOP);
    for (int i = 0; i < 41; i++) {
        snprintf(name, sizeof name, "l%d", i);
        CHECK(unlink(name) == 0);
    }
    CHECK(unlink("to-d") == 0 && unlink("d/file") == 0 && rmdir("d") == 0);
}

static void long_names(void)
{
    static char path[PATH_MAX + 16];
    struct stat st;
    memset(path, 'n', 255);
    make(path);
    CHECK(number(path) != 0 && unlink(path) == 0);
    path[255] = 'n';
    CHECK_ERROR(open(path, O_CREAT | O_WRONLY, 0600), ENAMETOOLONG);
    CHECK_ERROR(stat(path, &st), ENAMETOOLONG);
    strcat(path, "/x");
    CHECK_ERROR(stat(path, &st), ENAMETOOLONG);
    for (size_t i = 0; i < PATH_MAX; i += 2)
        memcpy(path + i, "./", 2);
    path[PATH_MAX - 1] = 0;
    CHECK(stat(path, &st) == 0); /* with its end, PATH_MAX bytes */
    path[PATH_MAX - 1] = '/';
    CHECK_ERROR(stat(path, &st), ENAMETOOLONG);
    make("odd name \xff\x01?*<>|\":\\");
    CHECK(unlink("odd name \xff\x01?*<>|\":\\") == 0);
    make("Case");
    make("case");
    CHECK(number("Case") != number("case") && unlink("Case") == 0 && unlink("case") == 0);
    make("nul");
    CHECK(unlink("nul") == 0);
}

int main(void)
{
    umask(022);
    renames();
    hard_links();
    symbolic_links();
    long_names();
    return guest_result();
}
