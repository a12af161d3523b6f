/* SPDX-License-Identifier: MIT */
/* rename(2), renameat2(2). */

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "guest.h"

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static int holds(const char *path, const char *text)
{
    char bytes[64] = "";
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, bytes, sizeof bytes - 1);
    close(fd);
    return fd >= 0 && n == (ssize_t)strlen(text) && strcmp(bytes, text) == 0;
}

static nlink_t links_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_nlink : 0;
}

static void files(void)
{
    put("a", "A");
    CHECK(rename("a", "b") == 0 && holds("b", "A") && access("a", F_OK) == -1);
    put("a", "new");
    int old = open("b", O_RDONLY);
    CHECK(rename("a", "b") == 0 && holds("b", "new"));
    char c;
    CHECK(read(old, &c, 1) == 1 && c == 'A'); /* what was replaced stays for who has it open */
    struct stat st;
    CHECK(fstat(old, &st) == 0 && st.st_nlink == 0);
    close(old);
    CHECK_ERROR(rename("none", "b"), ENOENT);
    CHECK_ERROR(rename("b", ""), ENOENT);
    CHECK_ERROR(rename("b", "none/b"), ENOENT);
    CHECK_ERROR(rename("b", "b/c"), ENOTDIR);
    CHECK_ERROR(rename("b", "c/"), ENOTDIR);
    CHECK_ERROR(rename("b", "."), EBUSY);
    CHECK_ERROR(rename(".", "c"), EBUSY);
    CHECK(rename("b", "b") == 0);

    /* Two names of one file: nothing happens. */
    CHECK(link("b", "same") == 0 && rename("b", "same") == 0 && links_of("b") == 2);
    CHECK(unlink("same") == 0);
}

static void directories(void)
{
    CHECK(mkdir("d", 0700) == 0 && mkdir("e", 0700) == 0 && mkdir("d/sub", 0700) == 0);
    put("d/sub/file", "deep");
    CHECK_ERROR(rename("d", "d/sub/x"), EINVAL);
    CHECK_ERROR(rename("d/sub", "d"), ENOTEMPTY);
    CHECK_ERROR(rename("b", "d"), EISDIR);
    CHECK_ERROR(rename("d", "b"), ENOTDIR);
    CHECK_ERROR(rename("e", "d"), ENOTEMPTY);
    CHECK(rename("d/sub", "e/moved") == 0 && holds("e/moved/file", "deep"));
    CHECK(access("d/sub", F_OK) == -1);

    /* Where ".." leads. */
    int moved = open("e/moved", O_RDONLY | O_DIRECTORY);
    struct stat up, e;
    CHECK(fstatat(moved, "..", &up, 0) == 0 && stat("e", &e) == 0 && up.st_ino == e.st_ino);
    close(moved);
    CHECK(rename("d", "f/") == 0); /* an empty one, to a new name with a slash */
    CHECK(mkdir("g", 0700) == 0 && rename("f", "g") == 0); /* over an empty one */
    CHECK(rename("e/moved", "g/moved/") == 0);
    CHECK(unlink("g/moved/file") == 0 && rmdir("g/moved") == 0 && rmdir("g") == 0);
    CHECK(rmdir("e") == 0);
}

static void flags(void)
{
    put("x", "X");
    put("y", "Y");
    CHECK_ERROR(renameat2(AT_FDCWD, "x", AT_FDCWD, "y", RENAME_NOREPLACE), EEXIST);
    CHECK(renameat2(AT_FDCWD, "x", AT_FDCWD, "y", RENAME_EXCHANGE) == 0);
    CHECK(holds("x", "Y") && holds("y", "X"));
    CHECK_ERROR(renameat2(AT_FDCWD, "x", AT_FDCWD, "z", RENAME_EXCHANGE), ENOENT);
    CHECK_ERROR(renameat2(AT_FDCWD, "x", AT_FDCWD, "y", RENAME_EXCHANGE | RENAME_NOREPLACE),
                EINVAL);
    CHECK_ERROR(renameat2(AT_FDCWD, "x", AT_FDCWD, "y", 0x80), EINVAL);
    CHECK(renameat2(AT_FDCWD, "x", AT_FDCWD, "z", RENAME_NOREPLACE) == 0 && holds("z", "Y"));
    CHECK(mkdir("dir", 0700) == 0 && mkdir("dir/sub", 0700) == 0);
    CHECK(renameat2(AT_FDCWD, "dir/sub", AT_FDCWD, "y", RENAME_EXCHANGE) == 0);
    CHECK(holds("dir/sub", "X"));
    CHECK(rmdir("y") == 0 && unlink("dir/sub") == 0 && rmdir("dir") == 0 && unlink("z") == 0);

    CHECK(symlink("b", "link") == 0);
    CHECK(rename("link", "link2") == 0 && holds("link2", "new"));
    char target[8] = "";
    CHECK(readlink("link2", target, sizeof target) == 1 && target[0] == 'b');
    CHECK(unlink("link2") == 0);
}

int main(void)
{
    umask(022);
    files();
    directories();
    flags();
    CHECK(unlink("b") == 0);
    return guest_result();
}
