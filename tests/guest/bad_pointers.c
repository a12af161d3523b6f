/* SPDX-License-Identifier: MIT */
/* Every pointer argument, with addresses that are none: EFAULT, and nothing worse. */

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "guest.h"

#define PAGE 4096l
#define BAD (-7777l) /* stands for the bad pointer */

static int file, reader, writer, epoll, dir;

/* In `args`, descriptors stand as addresses of the variables above plus this. */
#define MAX_ARGS 6

struct call {
    const char *name;
    long number;
    long args[MAX_ARGS];
    int size; /* of what the pointer points to; 0: a path */
};

static char path[] = "bad.tmp";
static struct timespec zero_time;
static long word;

/* A descriptor in the table is FD(x): resolved when called, as they are opened by main(). */
enum { FD_FILE = -9001, FD_READER, FD_WRITER, FD_EPOLL, FD_DIR };

static const struct call calls[] = {
    {"open", SYS_open, {BAD, O_RDONLY}, 0},
    {"openat", SYS_openat, {AT_FDCWD, BAD, O_RDONLY}, 0},
    {"stat", SYS_stat, {BAD, (long)&word}, 0},
    {"lstat", SYS_lstat, {BAD, (long)&word}, 0},
    {"stat out", SYS_stat, {(long)path, BAD}, 144},
    {"fstat", SYS_fstat, {FD_FILE, BAD}, 144},
    {"newfstatat", SYS_newfstatat, {AT_FDCWD, BAD, (long)&word, 0}, 0},
    {"newfstatat out", SYS_newfstatat, {AT_FDCWD, (long)path, BAD, 0}, 144},
    {"statx out", SYS_statx, {AT_FDCWD, (long)path, 0, 0x7ff, BAD}, 256},
    {"access", SYS_access, {BAD, 0}, 0},
    {"mkdir", SYS_mkdir, {BAD, 0700}, 0},
    {"rmdir", SYS_rmdir, {BAD}, 0},
    {"unlink", SYS_unlink, {BAD}, 0},
    {"rename", SYS_rename, {BAD, (long)path}, 0},
    {"rename to", SYS_rename, {(long)path, BAD}, 0},
    {"link", SYS_link, {BAD, (long)path}, 0},
    {"symlink", SYS_symlink, {BAD, (long)path}, 0},
    {"symlink to", SYS_symlink, {(long)path, BAD}, 0},
    {"readlink", SYS_readlink, {BAD, (long)&word, 8}, 0},
    {"chdir", SYS_chdir, {BAD}, 0},
    {"chmod", SYS_chmod, {BAD, 0600}, 0},
    {"chown", SYS_chown, {BAD, 0, 0}, 0},
    {"truncate", SYS_truncate, {BAD, 0}, 0},
    {"utimensat", SYS_utimensat, {AT_FDCWD, BAD, 0, 0}, 0},
    {"utimensat times", SYS_utimensat, {AT_FDCWD, (long)path, BAD, 0}, 32},
    {"statfs out", SYS_statfs, {(long)path, BAD}, 120},
    {"getcwd", SYS_getcwd, {BAD, 4096}, 0},
    {"getdents64", SYS_getdents64, {FD_DIR, BAD, 4096}, 4096},
    {"write", SYS_write, {FD_WRITER, BAD, 16}, 16},
    {"read", SYS_read, {FD_READER, BAD, 16}, 16},
    {"pread64", SYS_pread64, {FD_FILE, BAD, 16, 0}, 16},
    {"pwrite64", SYS_pwrite64, {FD_FILE, BAD, 16, 0}, 16},
    {"readv", SYS_readv, {FD_FILE, BAD, 2}, 32},
    {"writev", SYS_writev, {FD_FILE, BAD, 2}, 32},
    {"pipe", SYS_pipe, {BAD}, 8},
    {"pipe2", SYS_pipe2, {BAD, 0}, 8},
    {"poll", SYS_poll, {BAD, 2, 0}, 16},
    {"ppoll time", SYS_ppoll, {0, 0, BAD, 0, 8}, 16},
    {"select", SYS_select, {64, BAD, 0, 0, (long)&zero_time}, 8},
    {"select time", SYS_select, {0, 0, 0, 0, BAD}, 16},
    {"epoll_wait", SYS_epoll_wait, {FD_EPOLL, BAD, 1, 0}, 12},
    {"epoll_ctl", SYS_epoll_ctl, {FD_EPOLL, EPOLL_CTL_MOD, FD_READER, BAD}, 12},
    {"clock_gettime", SYS_clock_gettime, {CLOCK_MONOTONIC, BAD}, 16},
    {"clock_getres", SYS_clock_getres, {CLOCK_MONOTONIC, BAD}, 16},
    {"gettimeofday", SYS_gettimeofday, {BAD, 0}, 16},
    {"time", SYS_time, {BAD}, 8},
    {"nanosleep", SYS_nanosleep, {BAD, 0}, 16},
    {"clock_nanosleep", SYS_clock_nanosleep, {CLOCK_MONOTONIC, 0, BAD, 0}, 16},
    {"setitimer", SYS_setitimer, {0, BAD, 0}, 32},
    {"getitimer", SYS_getitimer, {0, BAD}, 32},
    {"times", SYS_times, {BAD}, 32},
    {"getrusage", SYS_getrusage, {0, BAD}, 144},
    {"getrlimit", SYS_getrlimit, {7, BAD}, 16},
    {"prlimit64", SYS_prlimit64, {0, 7, 0, BAD}, 16},
    {"uname", SYS_uname, {BAD}, 390},
    {"sysinfo", SYS_sysinfo, {BAD}, 112},
    {"getrandom", SYS_getrandom, {BAD, 16, 0}, 16},
    {"getgroups", SYS_getresuid, {BAD, (long)&word, (long)&word}, 4},
    {"sched_getaffinity", SYS_sched_getaffinity, {0, 128, BAD}, 8},
    {"getcpu", SYS_getcpu, {BAD, 0, 0}, 4},
    {"rt_sigaction", SYS_rt_sigaction, {10, BAD, 0, 8}, 32},
    {"rt_sigaction out", SYS_rt_sigaction, {10, 0, BAD, 8}, 32},
    {"rt_sigprocmask", SYS_rt_sigprocmask, {0, BAD, 0, 8}, 8},
    {"rt_sigprocmask out", SYS_rt_sigprocmask, {0, 0, BAD, 8}, 8},
    {"rt_sigpending", SYS_rt_sigpending, {BAD, 8}, 8},
    {"rt_sigtimedwait", SYS_rt_sigtimedwait, {BAD, 0, (long)&zero_time, 8}, 8},
    {"rt_sigsuspend", SYS_rt_sigsuspend, {BAD, 8}, 8},
    {"sigaltstack", SYS_sigaltstack, {BAD, 0}, 24},
    {"sigaltstack out", SYS_sigaltstack, {0, BAD}, 24},
    {"sendfile", SYS_sendfile, {FD_WRITER, FD_FILE, BAD, 1}, 8},
    {"ioctl", SYS_ioctl, {FD_READER, 0x541b /* FIONREAD */, BAD}, 4},
    {"clone3", 435, {BAD, 88}, 88},
};

static long resolve(long arg, long bad)
{
    switch (arg) {
    case BAD: return bad;
    case FD_FILE: return file;
    case FD_READER: return reader;
    case FD_WRITER: return writer;
    case FD_EPOLL: return epoll;
    case FD_DIR: return dir;
    default: return arg;
    }
}

static void try(const struct call *c, const char *kind, long bad)
{
    long a[MAX_ARGS];
    for (int i = 0; i < MAX_ARGS; i++)
        a[i] = resolve(c->args[i], bad);
    errno = 0;
    long result = syscall(c->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (result != -1 || errno != EFAULT)
        printf("%s, %s: %ld, errno %d\n", c->name, kind, result, errno);
    CHECK(result == -1 && errno == EFAULT);
}

int main(void)
{
    char *pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fds[2];
    CHECK(pages != MAP_FAILED);
    CHECK(munmap(pages + PAGE, PAGE) == 0);
    CHECK(mprotect(pages + 2 * PAGE, PAGE, PROT_NONE) == 0);
    CHECK(pipe(fds) == 0);
    reader = fds[0];
    writer = fds[1];
    file = open(path, O_RDWR | O_CREAT, 0600);
    dir = open(".", O_RDONLY | O_DIRECTORY);
    epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    CHECK(file >= 0 && dir >= 0 && epoll >= 0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, reader, &event) == 0);
    CHECK(write(writer, pages, 4096) == 4096 && write(file, pages, 4096) == 4096);

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const struct call *c = &calls[i];
        try(c, "the first page", 1);
        try(c, "an unmapped page", (long)pages + PAGE);
        try(c, "a page without access", (long)pages + 2 * PAGE);
        try(c, "beyond user addresses", 0x7ffffffff000);
        try(c, "not canonical", 0x4000000000000000);
        try(c, "the kernel's half", -4096);
        if (c->size >= 8 && c->size < 4096)
            try(c, "the end of a page", (long)pages + PAGE - 4);
        if (c->size == 0) { /* a path without an end */
            memset(pages + PAGE - 8, 'x', 8);
            if (c->number != SYS_getcwd)
                try(c, "a path that runs into nothing", (long)pages + PAGE - 8);
        }
    }
    CHECK(unlink(path) == 0);
    return guest_result();
}
