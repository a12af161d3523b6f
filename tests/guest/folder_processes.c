/* SPDX-License-Identifier: MIT */
/*
 * Files of a folder that several processes have open: what the one does with them, the others
 * see, whatever became of the name and of the process that opened them.
 *
 *   folder_processes             all of it
 *   folder_processes read FD     as the program of an execve(2): what is there
 */

#include <fcntl.h>
#include <sys/stat.h>

#include "guest_process.h"

#define MANY_MAX 300

static const char *self;

/* ---- One open file, used by both ---- */

static int read_write_append(void *arg)
{
    const int *fds = arg;
    char buf[16];
    CHECK(lseek(fds[0], 0, SEEK_CUR) == 2 && read(fds[0], buf, 3) == 3 && !memcmp(buf, "cde", 3));
    CHECK(pwrite(fds[0], "XY", 2, 0) == 2);
    CHECK(write(fds[1], "child", 5) == 5 && lseek(fds[1], 0, SEEK_CUR) == 12);
    CHECK(ftruncate(fds[0], 11) == 0);
    return 0;
}

static void open_in_the_parent(void)
{
    char buf[16];
    struct stat st;
    int fds[2] = {open("file", O_CREAT | O_RDWR, 0444), -1};
    CHECK(write(fds[0], "abcdefg", 7) == 7 && lseek(fds[0], 2, SEEK_SET) == 2);
    CHECK(chmod("file", 0644) == 0);
    fds[1] = open("file", O_WRONLY | O_APPEND);
    CHECK_EXIT(run(read_write_append, fds), 0);
    CHECK(lseek(fds[0], 0, SEEK_CUR) == 5 && fstat(fds[0], &st) == 0 && st.st_size == 11);
    CHECK(pread(fds[0], buf, sizeof buf, 0) == 11 && !memcmp(buf, "XYcdefgchil", 11));
    CHECK(write(fds[1], "!", 1) == 1 && lseek(fds[1], 0, SEEK_CUR) == 12);
    close(fds[0]);
    close(fds[1]);
    CHECK(unlink("file") == 0);
}

/* ---- Names ---- */

static int use_without_name(void *arg)
{
    int fd = *(int *)arg;
    char buf[16];
    struct stat st;
    CHECK(fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == 4);
    CHECK(pread(fd, buf, sizeof buf, 0) == 4 && !memcmp(buf, "text", 4));
    CHECK(write(fd, "more", 4) == 4 && fchmod(fd, 0600) == 0);
    return 0;
}

static int use_by_other_name(void *arg)
{
    const int *fds = arg;
    char buf[16];
    CHECK(pread(fds[0], buf, sizeof buf, 0) == 4 && !memcmp(buf, "text", 4));
    CHECK(pwrite(fds[0], "T", 1, 0) == 1);
    int fd = open("renamed", O_RDONLY);
    CHECK(read(fd, buf, sizeof buf) == 4 && !memcmp(buf, "Text", 4));
    CHECK(pread(fds[1], buf, sizeof buf, 0) == 3 && !memcmp(buf, "old", 3)); /* it was replaced */
    return 0;
}

static int unlink_it(void *arg)
{
    CHECK(unlink(arg) == 0);
    return 0;
}

static void names_that_go(void)
{
    char buf[16];
    int fd = open("gone", O_CREAT | O_EXCL | O_RDWR, 0600);
    CHECK(write(fd, "text", 4) == 4 && unlink("gone") == 0);
    int other = open("gone", O_CREAT | O_EXCL | O_WRONLY, 0600); /* another file of that name */
    CHECK(write(other, "x", 1) == 1);
    CHECK_EXIT(run(use_without_name, &fd), 0);
    CHECK(pread(fd, buf, sizeof buf, 0) == 8 && !memcmp(buf, "textmore", 8));
    close(fd);
    close(other);
    CHECK(unlink("gone") == 0);

    int fds[2] = {open("name", O_CREAT | O_RDWR, 0600), open("renamed", O_CREAT | O_RDWR, 0600)};
    CHECK(write(fds[0], "text", 4) == 4 && write(fds[1], "old", 3) == 3);
    CHECK(rename("name", "renamed") == 0);
    CHECK_EXIT(run(use_by_other_name, fds), 0);
    CHECK_EXIT(run(unlink_it, (char[]){"renamed"}), 0);
    CHECK(pread(fds[0], buf, sizeof buf, 0) == 4 && !memcmp(buf, "Text", 4));
    close(fds[0]);
    close(fds[1]);
}

/* ---- Openers that end ---- */

struct relay {
    struct turn orphaned, done;
};

static int grandchild(const struct relay *r, int fd)
{
    char buf[16];
    take(&r->orphaned); /* 0: all who could write to it have ended */
    CHECK(pread(fd, buf, sizeof buf, 0) == 5 && !memcmp(buf, "child", 5));
    CHECK(write(fd, "grand", 5) == 5 && pread(fd, buf, sizeof buf, 0) == 10);
    CHECK(unlink("of-child") == -1 && errno == ENOENT);
    fflush(stdout);
    if (!guest_failures)
        give(&r->done);
    return 0;
}

static int open_fork_and_exit(void *arg)
{
    struct relay *r = arg;
    int fd = open("of-child", O_CREAT | O_RDWR, 0600);
    CHECK(write(fd, "child", 5) == 5 && unlink("of-child") == 0);
    fflush(stdout);
    if (fork() == 0) {
        close(r->orphaned.fds[1]);
        close(r->done.fds[0]);
        _exit(grandchild(r, fd));
    }
    return 0;
}

static void opener_ends_first(void)
{
    struct relay r = {turn_new(), turn_new()};
    CHECK_EXIT(run(open_fork_and_exit, &r), 0);
    close(r.orphaned.fds[1]);
    close(r.done.fds[1]);
    CHECK(take(&r.done));
    close(r.orphaned.fds[0]);
    close(r.done.fds[0]);
}

/* ---- Programs ---- */

static int read_all(int fd)
{
    char buf[64];
    ssize_t n = pread(fd, buf, sizeof buf - 1, 0);
    CHECK(n >= 0);
    buf[n > 0 ? n : 0] = 0;
    printf("the program reads '%s' at %ld\n", buf, (long)lseek(fd, 0, SEEK_CUR));
    CHECK(write(fd, "program", 7) == 7);
    fflush(stdout);
    return guest_failures ? CHILD_FAILED : 3;
}

static int exec_with(void *arg)
{
    char number[16];
    snprintf(number, sizeof number, "%d", *(int *)arg);
    execl(self, self, "read", number, (char *)NULL);
    return 1;
}

static void inherited_by_a_program(void)
{
    char buf[32];
    int fd = open("program", O_CREAT | O_RDWR, 0600);
    CHECK(write(fd, "parent,", 7) == 7 && unlink("program") == 0);
    CHECK_EXIT(run(exec_with, &fd), 3);
    CHECK(pread(fd, buf, sizeof buf, 0) == 14 && !memcmp(buf, "parent,program", 14));
    close(fd);
}

/* ---- Many ---- */

static int many_fds[MANY_MAX];
static int many_count;

static int check_and_close_many(void *arg)
{
    char buf[16], want[16];
    int odd = (int)(intptr_t)arg;
    for (int i = 0; i < many_count; i++) {
        int size = snprintf(want, sizeof want, "file %d", i);
        CHECK(pread(many_fds[i], buf, sizeof buf, 0) == size && !memcmp(buf, want, (size_t)size));
        if (i % 2 == odd)
            close(many_fds[i]);
    }
    /* In the places of those: others. */
    for (int i = 0; i < 10; i++) {
        char name[32];
        snprintf(name, sizeof name, "own-%d-%d", odd, i);
        int fd = open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
        CHECK(write(fd, name, strlen(name)) == (ssize_t)strlen(name) && unlink(name) == 0);
        CHECK(pread(fd, buf, 4, 0) == 4 && !memcmp(buf, "own-", 4));
        if (i % 3)
            close(fd);
    }
    for (int i = 1 - odd; i < many_count; i += 2)
        CHECK(pread(many_fds[i], buf, 5, 0) == 5 && !memcmp(buf, "file ", 5));
    return 0;
}

static void many(void)
{
    char name[16], buf[16];
    many_count = (int)guest_count(40, MANY_MAX);
    for (int round = 0; round < 2; round++) {
        pid_t children[4];
        for (int i = 0; i < many_count; i++) {
            int size = snprintf(name, sizeof name, "file %d", i);
            many_fds[i] = open(name, O_CREAT | O_RDWR, 0600);
            CHECK(many_fds[i] >= 0 && write(many_fds[i], name, (size_t)size) == size);
            if (i % 2)
                CHECK(unlink(name) == 0);
        }
        for (int i = 0; i < 4; i += 2) {
            children[i] = start(check_and_close_many, (void *)(intptr_t)0);
            CHECK_EXIT(status_of(children[i]), 0);
            children[i + 1] = start(check_and_close_many, (void *)(intptr_t)1);
            CHECK_EXIT(status_of(children[i + 1]), 0);
        }
        for (int i = 0; i < many_count; i++) {
            CHECK(pread(many_fds[i], buf, 5, 0) == 5 && !memcmp(buf, "file ", 5));
            close(many_fds[i]);
            snprintf(name, sizeof name, "file %d", i);
            if (i % 2 == 0)
                CHECK(unlink(name) == 0);
        }
    }
}

/* ---- Appending, all at once ---- */

#define LINES 20

static int append_lines(void *arg)
{
    int fd = arg ? *(int *)arg : open("lines", O_WRONLY | O_APPEND);
    for (int i = 0; i < LINES; i++)
        CHECK(write(fd, "12345678\n", 9) == 9 && lseek(fd, 0, SEEK_CUR) % 9 == 0);
    return 0;
}

static void lines(void)
{
    char buf[16];
    pid_t children[4];
    int fd = open("lines", O_CREAT | O_RDWR | O_APPEND, 0600), wrong = 0, count = 0;
    for (int i = 0; i < 4; i++)
        children[i] = start(append_lines, i % 2 ? &fd : NULL);
    for (int i = 0; i < 4; i++)
        CHECK_EXIT(status_of(children[i]), 0);
    lseek(fd, 0, SEEK_SET);
    for (; read(fd, buf, 9) == 9; count++)
        wrong += memcmp(buf, "12345678\n", 9) != 0;
    CHECK(wrong == 0 && count == 4 * LINES);
    close(fd);
    CHECK(unlink("lines") == 0);
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc == 3 && !strcmp(argv[1], "read"))
        return read_all(atoi(argv[2]));
    open_in_the_parent();
    names_that_go();
    opener_ends_first();
    inherited_by_a_program();
    many();
    lines();
    return guest_result();
}
