/* SPDX-License-Identifier: MIT */
/*
 * Nothing leads out: walks that may not leave a directory, while others move what they are in out
 * of it, or put a link in its place.  Every file "mark" says whether it lies inside; outside there
 * is one at each level.  Natively a walk is refused when it was disturbed; so may it be here.
 */

#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "guest.h"

static atomic_int done;
static int base;

static void make_mark(const char *path, const char *text)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

/* base is inside; in the middle of it is what moves. */
static void make_tree(void)
{
    static const char *const folders[] = {"top",        "top/base",         "top/base/in",
                                          "top/out",    "top/base/in/deep", "top/base/in/deep/er",
                                          "top/out/in", "top/out/in/deep"};
    for (unsigned i = 0; i < sizeof folders / sizeof folders[0]; i++)
        CHECK(mkdir(folders[i], 0755) == 0);
    make_mark("mark", "outside");
    make_mark("top/mark", "outside");
    make_mark("top/out/mark", "outside");
    make_mark("top/out/in/mark", "outside");
    make_mark("top/out/in/deep/mark", "outside");
    make_mark("top/base/mark", "inside");
    make_mark("top/base/in/mark", "inside");
    make_mark("top/base/in/deep/mark", "inside");
    CHECK(symlink("../../out/in/deep", "top/base/in/link") == 0);
    CHECK(symlink("/../../top/out/in", "top/base/away") == 0);
    base = open("top/base", O_PATH | O_DIRECTORY);
    CHECK(base >= 0);
}

/* One walk: 1 if it came to something outside. */
static int leaks(const char *path, uint64_t resolve)
{
    struct open_how how = {.flags = O_RDONLY, .resolve = resolve};
    char text[8] = "";
    int fd = (int)syscall(SYS_openat2, base, path, &how, sizeof how);
    if (fd < 0) {
        int fine = errno == ENOENT || errno == EAGAIN || errno == EXDEV || errno == ELOOP;
        CHECK(fine);
        return 0;
    }
    CHECK(read(fd, text, sizeof text - 1) > 0 && close(fd) == 0);
    return strcmp(text, "outside") == 0;
}

static const char *const paths[] = {
    "in/deep/../mark",
    "in/deep/../../mark",
    "in/deep/er/../../../mark",
    "in/deep/../../../mark",
    "in/deep/er/../../../mark",
    "in/deep/er/../../../../../mark",
    "in/deep/mark",
    "in/link/mark",
    "away/mark",
    "away/../../mark",
};

static void *move_out(void *arg)
{
    while (!done) {
        CHECK(rename("top/base/in/deep/er", "top/out/er") == 0);
        CHECK(rename("top/out/er", "top/base/in/deep/er") == 0);
    }
    return arg;
}

static void *move_all_out(void *arg)
{
    while (!done) {
        CHECK(rename("top/base/in/deep", "top/out/moved") == 0);
        CHECK(rename("top/out/moved", "top/base/in/deep") == 0);
    }
    return arg;
}

static void *exchange(void *arg)
{
    for (int n = 0; !done || n % 2; n++) /* both are in their places at the end */
        CHECK(syscall(SYS_renameat2, AT_FDCWD, "top/base/in/deep", AT_FDCWD, "top/base/in/link",
                      2 /* RENAME_EXCHANGE */) == 0);
    return arg;
}

static void walk_while(const char *what, void *(*disturb)(void *))
{
    pthread_t thread;
    long leaked = 0;
    done = 0;
    CHECK(pthread_create(&thread, NULL, disturb, NULL) == 0);
    for (long i = 0; i < guest_count(3000, 100000); i++) {
        const char *path = paths[(unsigned long)i % (sizeof paths / sizeof paths[0])];
        leaked += leaks(path, RESOLVE_BENEATH);
        leaked += leaks(path, RESOLVE_IN_ROOT);
        leaked += leaks(path, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    }
    done = 1;
    CHECK(pthread_join(thread, NULL) == 0);
    printf("%s: %ld leaked\n", what, leaked);
}

/* ---- What is below another root ---- */

static void see(const char *path)
{
    char text[8] = "";
    int fd = open(path, O_RDONLY);
    if (fd >= 0)
        CHECK(read(fd, text, sizeof text - 1) > 0 && close(fd) == 0);
    printf("%s: %s\n", path, fd < 0 ? strerrorname_np(errno) : text);
}

static void look_around(void)
{
    char path[64];
    CHECK(mkdir("top/base/proc", 0755) == 0);
    fflush(stdout);
    if (fork() == 0) {
        int inner = open("top/base/in", O_RDONLY | O_DIRECTORY);
        CHECK(chroot("top/base") == 0 && chdir("/") == 0);
        see("../mark");
        see("../../../../mark");
        see("in/../../mark");
        see("in/deep/../../../../mark");
        see("away/mark"); /* /../../top/out/in: there is no such thing here */
        CHECK(fchdir(inner) == 0);
        see("../mark");
        see("../../mark");
        see("../../../mark");
        snprintf(path, sizeof path, "/proc/self/fd/%d/../../mark", inner);
        see(path); /* there is no /proc here */
        exit(guest_result());
    }
    int status;
    CHECK(wait(&status) > 0 && status == 0);
}

int main(void)
{
    make_tree();
    walk_while("moved out", move_out);
    walk_while("all moved out", move_all_out);
    walk_while("exchanged with a link", exchange);
    look_around();
    return guest_result();
}
