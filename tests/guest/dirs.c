/* SPDX-License-Identifier: MIT */
/* Directories: mkdir, rmdir, chdir, getcwd, getdents64 and getdents, unlink, *at(2) calls. */

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "guest.h"

#define MANY 1000

static void making(void)
{
    struct stat st;
    CHECK(mkdir("dir", 0750) == 0);
    CHECK(stat("dir", &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0750);
    CHECK_ERROR(mkdir("dir", 0700), EEXIST);
    CHECK_ERROR(mkdir("dir/", 0700), EEXIST);
    CHECK_ERROR(mkdir(".", 0700), EEXIST);
    CHECK_ERROR(mkdir("/", 0700), EEXIST);
    CHECK_ERROR(mkdir("", 0700), ENOENT);
    CHECK_ERROR(mkdir("none/dir", 0700), ENOENT);
    CHECK(mkdir("dir/sub/", 01777) == 0);
    CHECK(stat("dir/sub", &st) == 0 && (st.st_mode & 07777) == 01755);
    CHECK_ERROR(rmdir("dir"), ENOTEMPTY);
    CHECK_ERROR(rmdir("dir/sub/."), EINVAL);
    CHECK_ERROR(rmdir("dir/sub/.."), ENOTEMPTY);
    CHECK_ERROR(rmdir("none"), ENOENT);
    CHECK_ERROR(unlink("dir"), EISDIR);
    CHECK_ERROR(unlink("."), EISDIR);
    close(creat("dir/file", 0600));
    CHECK_ERROR(rmdir("dir/file"), ENOTDIR);
    CHECK_ERROR(mkdir("dir/file/x", 0700), ENOTDIR);
    CHECK_ERROR(unlink("dir/file/"), ENOTDIR);
    CHECK_ERROR(unlinkat(AT_FDCWD, "dir/file", 1), EINVAL);
    CHECK_ERROR(unlinkat(AT_FDCWD, "dir/file", AT_REMOVEDIR), ENOTDIR);

    int dir = open("dir", O_RDONLY | O_DIRECTORY), file = open("dir/file", O_RDONLY);
    CHECK(mkdirat(dir, "at", 0700) == 0 && stat("dir/at", &st) == 0);
    CHECK(unlinkat(dir, "at", AT_REMOVEDIR) == 0);
    CHECK_ERROR(mkdirat(file, "at", 0700), ENOTDIR);
    CHECK_ERROR(mkdirat(-1, "at", 0700), EBADF);
    CHECK_ERROR(mkdirat(-1, "/", 0700), EEXIST);
    CHECK(faccessat(dir, "file", R_OK, 0) == 0);
    char c;
    CHECK_ERROR(read(dir, &c, 1), EISDIR);
    CHECK_ERROR(write(dir, &c, 1), EBADF);
    CHECK_ERROR(pread(dir, &c, 1, 0), EISDIR);
    close(dir);
    close(file);
}

static void working_directory(void)
{
    char top[4096], path[4096], want[5000];
    CHECK(getcwd(top, sizeof top) == top);
    CHECK(syscall(SYS_getcwd, path, sizeof path) == (long)strlen(top) + 1);
    CHECK_ERROR(syscall(SYS_getcwd, path, 1), ERANGE);
    CHECK(chdir("dir/sub") == 0 && getcwd(path, sizeof path));
    snprintf(want, sizeof want, "%s/dir/sub", strcmp(top, "/") ? top : "");
    CHECK(strcmp(path, want) == 0);
    CHECK(chdir("..") == 0 && access("file", F_OK) == 0);
    CHECK_ERROR(chdir("file"), ENOTDIR);
    CHECK_ERROR(chdir("none"), ENOENT);
    CHECK_ERROR(fchdir(-1), EBADF);
    int dir = open("sub", O_PATH);
    CHECK(fchdir(dir) == 0 && access("../file", F_OK) == 0);
    close(dir);

    /* A removed working directory. */
    CHECK(rmdir("../sub") == 0);
    CHECK_ERROR(syscall(SYS_getcwd, path, sizeof path), ENOENT);
    CHECK_ERROR(open("x", O_RDWR | O_CREAT, 0600), ENOENT);
    CHECK_ERROR(mkdir("x", 0700), ENOENT);
    struct stat st;
    CHECK(stat(".", &st) == 0 && st.st_nlink == 0);
    dir = open(".", O_RDONLY);
    CHECK_ERROR(syscall(SYS_getdents64, dir, path, sizeof path), ENOENT);
    close(dir);
    CHECK(chdir(top) == 0);
}

static int seen[MANY];

/* Count an entry "fN". */
static int note(const char *name, unsigned char type)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return type == DT_DIR;
    int n = atoi(name + 1);
    if (name[0] != 'f' || n < 0 || n >= MANY || type != DT_REG)
        return 0;
    seen[n]++;
    return 1;
}

static void listing(void)
{
    char name[32], buf[700];
    CHECK(mkdir("many", 0700) == 0);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "many/f%d", i);
        close(creat(name, 0600));
    }
    int dir = open("many", O_RDONLY | O_DIRECTORY);
    CHECK_ERROR(syscall(SYS_getdents64, dir, buf, 10), EINVAL);
    long n, good = 1, dots = 0;
    while ((n = syscall(SYS_getdents64, dir, buf, sizeof buf)) > 0) {
        for (long at = 0; at < n;) {
            const struct dirent64 *e = (const struct dirent64 *)(buf + at);
            good &= note(e->d_name, e->d_type) && e->d_reclen % 8 == 0 && e->d_ino;
            dots += e->d_name[0] == '.';
            at += e->d_reclen;
        }
    }
    CHECK(n == 0 && good && dots == 2);
    int once = 1;
    for (int i = 0; i < MANY; i++)
        once &= seen[i] == 1;
    CHECK(once);

    /* The old record: the type in its last byte. */
    CHECK(lseek(dir, 0, SEEK_SET) == 0);
    memset(seen, 0, sizeof seen);
    while ((n = syscall(SYS_getdents, dir, buf, sizeof buf)) > 0) {
        for (long at = 0; at < n;) {
            unsigned short size;
            memcpy(&size, buf + at + 16, sizeof size);
            good &= note(buf + at + 18, (unsigned char)buf[at + size - 1]);
            at += size;
        }
    }
    CHECK(n == 0 && good);
    close(dir);

    /* Removing what was just read skips nothing; telldir and seekdir. */
    DIR *d = opendir("many");
    CHECK(d != NULL);
    int removed = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] != 'f')
            continue;
        snprintf(name, sizeof name, "many/%.20s", e->d_name);
        removed += unlink(name) == 0;
    }
    CHECK(removed == MANY);
    closedir(d);
    close(creat("many/a", 0600));
    close(creat("many/b", 0600));
    close(creat("many/c", 0600));
    d = opendir("many");
    long place[5];
    char names[5][8];
    for (int i = 0; i < 5; i++) {
        place[i] = telldir(d);
        struct dirent *e = readdir(d);
        snprintf(names[i], sizeof names[i], "%.7s", e ? e->d_name : "?");
    }
    for (int i = 4; i >= 0; i--) {
        seekdir(d, place[i]);
        struct dirent *e = readdir(d);
        CHECK(e && strcmp(e->d_name, names[i]) == 0);
    }
    closedir(d);
    CHECK(unlink("many/a") == 0 && unlink("many/b") == 0 && unlink("many/c") == 0);
    CHECK(rmdir("many") == 0);
    int file = open("dir/file", O_RDONLY);
    CHECK_ERROR(syscall(SYS_getdents64, file, buf, sizeof buf), ENOTDIR);
    CHECK_ERROR(syscall(SYS_getdents64, -1, buf, sizeof buf), EBADF);
    close(file);
}

static void nodes(void)
{
    struct stat st;
    CHECK(mknod("fifo", S_IFIFO | 0600, 0) == 0);
    CHECK(stat("fifo", &st) == 0 && S_ISFIFO(st.st_mode));
    CHECK_ERROR(mknod("fifo", S_IFIFO | 0600, 0), EEXIST);
    CHECK_ERROR(mknod("bad", S_IFDIR | 0700, 0), EPERM);
    CHECK_ERROR(mknod("bad", S_IFLNK | 0700, 0), EINVAL);
    CHECK(mknod("plain", 0600, 0) == 0 && stat("plain", &st) == 0 && S_ISREG(st.st_mode));
    CHECK(mknod("socket", S_IFSOCK | 0600, 0) == 0);
    CHECK_ERROR(open("socket", O_RDONLY), ENXIO);
    CHECK(unlink("fifo") == 0 && unlink("plain") == 0 && unlink("socket") == 0);
}

int main(void)
{
    umask(022);
    making();
    working_directory();
    listing();
    nodes();
    CHECK(unlink("dir/file") == 0 && rmdir("dir") == 0);
    return guest_result();
}
