/* SPDX-License-Identifier: MIT */
/*
 * What is done by a descriptor goes to the file that was opened, whatever became of its name: it
 * is removed, another file has it, or it has others.
 */

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "guest.h"

static const struct timespec then[2] = {{1000000000, 0}, {1234567890, 123456700}};

static int new_file(const char *name, const char *text, int mode)
{
    int fd = open(name, O_CREAT | O_EXCL | O_RDWR, mode);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    return fd;
}

static struct stat stat_of(const char *name)
{
    struct stat st = {0};
    CHECK(stat(name, &st) == 0);
    return st;
}

/* Everything that can be changed by a descriptor: `fd` is of a file that `name` does not mean. */
static void change_by(int fd, const char *name)
{
    struct stat st, other = {0}, after = {0};
    int is_there = stat(name, &other) == 0;
    CHECK(fchmod(fd, 0640) == 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0640);
    CHECK(fchmod(fd, 0444) == 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0444);
    CHECK(fchmod(fd, 0600) == 0 && fchown(fd, geteuid(), getegid()) == 0);
    CHECK(fchown(fd, (uid_t)-1, (gid_t)-1) == 0);
    CHECK(futimens(fd, then) == 0 && fstat(fd, &st) == 0 && st.st_mtime == 1234567890);
    CHECK(st.st_mtim.tv_nsec == 123456700 && st.st_uid == geteuid() && st.st_gid == getegid());
    CHECK(ftruncate(fd, 2) == 0 && fstat(fd, &st) == 0 && st.st_size == 2);
    CHECK(ftruncate(fd, 9000) == 0 && fallocate(fd, 0, 0, 10000) == 0);
    CHECK(fstat(fd, &st) == 0 && st.st_size == 10000);
    CHECK(pwrite(fd, "end", 3, 10000) == 3 && lseek(fd, 0, SEEK_END) == 10003 && fsync(fd) == 0);
    if (!is_there)
        return;
    CHECK(stat(name, &after) == 0 && after.st_mode == other.st_mode);
    CHECK(after.st_size == other.st_size && after.st_mtime == other.st_mtime);
    CHECK(after.st_ino == other.st_ino && after.st_ino != st.st_ino);
}

static void a_name_is_removed(void)
{
    struct stat st;
    int fd = new_file("f", "first", 0644);
    CHECK(unlink("f") == 0);
    change_by(fd, "f");
    CHECK(fstat(fd, &st) == 0 && st.st_nlink == 0);
    CHECK_ERROR(linkat(fd, "", AT_FDCWD, "g", AT_EMPTY_PATH), ENOENT);
    CHECK_ERROR(stat("g", &st), ENOENT);
    int other = new_file("f", "second", 0755);
    change_by(fd, "f");
    CHECK(fstat(fd, &st) == 0 && st.st_nlink == 0);
    CHECK_ERROR(linkat(fd, "", AT_FDCWD, "g", AT_EMPTY_PATH), ENOENT);
    CHECK_ERROR(stat("g", &st), ENOENT);
    CHECK(stat_of("f").st_size == 6 && (stat_of("f").st_mode & 07777) == 0755);
    CHECK(close(other) == 0 && close(fd) == 0 && unlink("f") == 0);
}

static void a_name_is_replaced(void)
{
    int fd = new_file("f", "first", 0644), other = new_file("g", "second", 0755);
    CHECK(rename("g", "f") == 0);
    change_by(fd, "f");
    CHECK(fchmod(other, 0700) == 0 && (stat_of("f").st_mode & 07777) == 0700);
    CHECK(close(fd) == 0 && close(other) == 0 && unlink("f") == 0);
}

/* Give what is open one more name, and take it away. */
static void link_by(int fd)
{
    struct stat st;
    if (guest_on_wine()) /* where a file that is open keeps a hidden name, and has no other */
        return;
    CHECK(fstat(fd, &st) == 0 && st.st_nlink == 1);
    CHECK(linkat(fd, "", AT_FDCWD, "h", AT_EMPTY_PATH) == 0 && stat_of("h").st_ino == st.st_ino);
    CHECK(stat_of("h").st_nlink == 2 && unlink("h") == 0);
}

/* Of several names the one goes by which the file was opened, or looked up last. */
static void one_of_the_names_goes(void)
{
    int fd = new_file("f", "first", 0644), other;
    CHECK(link("f", "g") == 0 && unlink("f") == 0);
    change_by(fd, "f");
    link_by(fd);
    other = new_file("f", "second", 0755);
    change_by(fd, "f");
    link_by(fd);
    CHECK(stat_of("g").st_size == 10003 && (stat_of("g").st_mode & 07777) == 0600);
    CHECK(unlink("g") == 0);
    change_by(fd, "g");
    change_by(fd, "f");
    CHECK(close(fd) == 0 && close(other) == 0 && unlink("f") == 0);
}

static void names_are_exchanged(void)
{
    int fd = new_file("f", "first", 0644), other = new_file("g", "second", 0755);
    CHECK(renameat2(AT_FDCWD, "f", AT_FDCWD, "g", RENAME_EXCHANGE) == 0);
    change_by(fd, "f");
    CHECK(stat_of("g").st_size == 10003);
    change_by(other, "g");
    CHECK(close(fd) == 0 && close(other) == 0 && unlink("f") == 0 && unlink("g") == 0);
}

/* Through a descriptor that can only be read. */
static void what_can_only_be_read(void)
{
    struct stat st;
    int made = new_file("f", "first", 0644), fd = open("f", O_RDONLY), other;
    CHECK(close(made) == 0 && fd >= 0 && unlink("f") == 0);
    other = new_file("f", "second", 0755);
    CHECK(fchmod(fd, 0640) == 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0640);
    CHECK(futimens(fd, then) == 0 && fstat(fd, &st) == 0 && st.st_mtime == 1234567890);
    CHECK((stat_of("f").st_mode & 07777) == 0755 && stat_of("f").st_mtime != 1234567890);
    CHECK_ERROR(ftruncate(fd, 1), EINVAL);
    CHECK(close(fd) == 0 && close(other) == 0 && unlink("f") == 0);
}

/* A directory that is open, and moved by another process. */
static void directories(void)
{
    struct stat st;
    CHECK(mkdir("d", 0755) == 0);
    int fd = open("d", O_RDONLY | O_DIRECTORY), status = -1;
    if (fork() == 0)
        _exit(rename("d", "e") != 0 || mkdir("d", 0711) != 0);
    CHECK(wait(&status) > 0 && status == 0);
    CHECK(fchmod(fd, 0700) == 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0700);
    CHECK(futimens(fd, then) == 0 && stat_of("e").st_mtime == 1234567890);
    CHECK((stat_of("e").st_mode & 07777) == 0700 && (stat_of("d").st_mode & 07777) == 0711);
    CHECK(close(fd) == 0 && rmdir("d") == 0 && rmdir("e") == 0);
}

/* In a child that has the descriptor from its parent. */
static void processes(void)
{
    struct stat st;
    int fd = new_file("f", "first", 0644), status = -1;
    CHECK(unlink("f") == 0);
    int other = new_file("f", "second", 0755);
    if (fork() == 0) {
        change_by(fd, "f");
        _exit(guest_failures);
    }
    CHECK(wait(&status) > 0 && status == 0);
    CHECK(fstat(fd, &st) == 0 && st.st_size == 10003 && st.st_mtime != 0);
    CHECK(close(fd) == 0 && close(other) == 0 && unlink("f") == 0);
}

int main(void)
{
    umask(0);
    a_name_is_removed();
    a_name_is_replaced();
    one_of_the_names_goes();
    names_are_exchanged();
    what_can_only_be_read();
    directories();
    processes();
    return guest_result();
}
