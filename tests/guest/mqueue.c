/* SPDX-License-Identifier: MIT */
/* Message queues: arguments and their errors, order, limits, descriptors, polling, text. */

#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "queues.h"

#define SIZE 64

static char data[65536];

/* ---- Names ---- */

static void test_names(void)
{
    static char longest[256], longer[257], path[4200];
    memset(longest, 'n', 255);
    memset(longer, 'n', 256);
    memset(path, 'n', 4199);
    static const struct {
        const char *name;
        int error;
    } rows[] = {
        {"", ENOENT},           {"none", ENOENT},     {"/none", EACCES}, {"a/b", EACCES},
        {"/", EACCES},          {".", EACCES},        {"..", EACCES},    {"a/", EACCES},
        {longer, ENAMETOOLONG}, {path, ENAMETOOLONG}, {NULL, EFAULT},    {BAD, EFAULT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_ERROR(q_open(rows[i].name, O_RDONLY, 0, NULL), rows[i].error);
        CHECK_ERROR(q_unlink(rows[i].name), rows[i].error);
        if (rows[i].error != ENOENT)
            CHECK_ERROR(q_open(rows[i].name, O_CREAT | O_RDONLY, 0600, NULL), rows[i].error);
    }
    CHECK_ERROR(q_open("", O_CREAT, 0600, NULL), ENOENT);
    CHECK_ERROR(q_open("", O_CREAT, 0600, BAD), EFAULT);
    static const char *const good[] = {"...", "a b", "\xff", longest, "-"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int fd = q_open(good[i], O_CREAT | O_RDWR, 0600, NULL);
        CHECK(fd >= 0 && close(fd) == 0);
        CHECK(q_unlink(good[i]) == 0);
        CHECK_ERROR(q_unlink(good[i]), ENOENT);
    }
}

static void test_attributes(void)
{
    static const struct {
        long count, size;
        int error;
    } rows[] = {
        {1, 1, 0},
        {10, 8192, 0},
        {11, 1, EINVAL},
        {1, 8193, EINVAL},
        {0, 1, EINVAL},
        {1, 0, EINVAL},
        {-1, 1, EINVAL},
        {1, -1, EINVAL},
        {0, 0, EINVAL},
        {10, 1, 0},
        {1l << 32, 1, EINVAL},
        {1, 1l << 32, EINVAL},
        {1l << 62, 1l << 62, EINVAL},
    };
    struct mq_attr attr;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mq_attr want = {.mq_flags = -1,
                               .mq_maxmsg = rows[i].count,
                               .mq_msgsize = rows[i].size,
                               .mq_curmsgs = 7};
        if (rows[i].error) {
            CHECK_ERROR(q_open("a", O_CREAT | O_RDWR, 0600, &want), rows[i].error);
            CHECK_ERROR(q_unlink("a"), ENOENT);
            continue;
        }
        int fd = q_open("a", O_CREAT | O_RDWR, 0600, &want);
        memset(&attr, 0xff, sizeof attr);
        CHECK(q_attr(fd, NULL, &attr) == 0);
        CHECK(attr.mq_flags == 0 && attr.mq_maxmsg == rows[i].count && attr.mq_curmsgs == 0 &&
              attr.mq_msgsize == rows[i].size);
        CHECK(((long *)&attr)[4] == 0 && ((long *)&attr)[7] == 0);
        CHECK(close(fd) == 0 && q_unlink("a") == 0);
    }
    int fd = q_open("a", O_CREAT | O_RDWR, 0600, NULL);
    CHECK(q_attr(fd, NULL, &attr) == 0 && attr.mq_maxmsg == 10 && attr.mq_msgsize == 8192);
    attr = (struct mq_attr){.mq_flags = O_NONBLOCK, .mq_maxmsg = 3};
    CHECK(q_attr(fd, &attr, NULL) == 0);
    CHECK(fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK));
    CHECK(q_attr(fd, NULL, &attr) == 0 && attr.mq_flags == O_NONBLOCK && attr.mq_maxmsg == 10);
    attr.mq_flags = 0;
    struct mq_attr old;
    CHECK(q_attr(fd, &attr, &old) == 0 && old.mq_flags == O_NONBLOCK);
    CHECK(fcntl(fd, F_GETFL) == O_RDWR);
    attr.mq_flags = O_NONBLOCK | O_APPEND;
    CHECK_ERROR(q_attr(fd, &attr, NULL), EINVAL);
    CHECK_ERROR(q_attr(-1, &attr, NULL), EINVAL);
    CHECK_ERROR(q_attr(-1, NULL, NULL), EBADF);
    CHECK_ERROR(q_attr(0, NULL, &old), EBADF);
    CHECK_ERROR(q_attr(-1, BAD, NULL), EFAULT);
    CHECK_ERROR(q_attr(-1, NULL, BAD), EBADF);
    CHECK_ERROR(q_attr(fd, NULL, BAD), EFAULT);
    CHECK(q_attr(fd, NULL, NULL) == 0);
    /* The flag is the open file's. */
    int other = q_open("a", O_RDWR | O_NONBLOCK, 0, NULL), same = dup(fd);
    CHECK(q_attr(other, NULL, &attr) == 0 && attr.mq_flags == O_NONBLOCK);
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    CHECK(q_attr(same, NULL, &attr) == 0 && attr.mq_flags == O_NONBLOCK);
    CHECK(close(fd) == 0 && close(other) == 0 && close(same) == 0 && q_unlink("a") == 0);
}

/* ---- Opening ---- */

static void test_open(void)
{
    int fd = q_open("o", O_CREAT | O_EXCL | O_RDWR | O_TRUNC | O_NOCTTY, 0777, NULL);
    struct stat st;
    CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    CHECK(fcntl(fd, F_GETFL) == O_RDWR);
    CHECK(fstat(fd, &st) == 0 && st.st_mode == (S_IFREG | 0755) && st.st_size == 80);
    CHECK(st.st_nlink == 1 && st.st_blocks == 0 && st.st_uid == geteuid() &&
          st.st_gid == getegid() && st.st_blksize == 4096);
    CHECK_ERROR(q_open("o", O_CREAT | O_EXCL, 0600, NULL), EEXIST);
    CHECK_ERROR(q_open("o", O_CREAT | O_EXCL | O_ACCMODE, 0600, NULL), EEXIST);
    CHECK_ERROR(q_open("o", O_ACCMODE, 0, NULL), EINVAL);
    CHECK_ERROR(q_open("o", O_RDONLY, 0, BAD), EFAULT);
    struct mq_attr bad = {.mq_maxmsg = -1};
    int again = q_open("o", O_CREAT | O_RDONLY, 0, &bad); /* it is there */
    CHECK(again >= 0 && close(again) == 0);
    CHECK(q_unlink("o") == 0 && fstat(fd, &st) == 0 && st.st_nlink == 0);
    CHECK_ERROR(q_open("o", O_RDONLY, 0, NULL), ENOENT);
    int other = q_new("o", 1, 1);
    CHECK(q_send(fd, "x", 1, 0, NULL) == 0 && q_count(fd) == 1 && q_count(other) == 0);
    CHECK(close(fd) == 0 && close(other) == 0 && q_unlink("o") == 0);

    /* A mode of access that there is none of: made, and good for nothing. */
    fd = q_open("o", O_CREAT | O_ACCMODE, 0600, NULL);
    CHECK(fd >= 0 && q_count(fd) == 0);
    CHECK_ERROR(q_send(fd, "x", 1, 0, NULL), EBADF);
    CHECK_ERROR(q_receive(fd, data, 8192, NULL, NULL), EBADF);
    CHECK(close(fd) == 0 && q_unlink("o") == 0);

    CHECK_ERROR(q_open("o", O_CREAT | O_RDWR | O_DIRECT, 0600, NULL), EINVAL);
    fd = q_open("o", O_RDWR | O_PATH, 0, NULL);
    CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    CHECK_ERROR(q_attr(fd, NULL, NULL), EBADF);
    CHECK_ERROR(q_send(fd, "x", 1, 0, NULL), EBADF);
    CHECK(close(fd) == 0 && q_unlink("o") == 0);

    /* There must be a descriptor before anything is looked at. */
    struct rlimit limit, none = {3, 0};
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    none.rlim_max = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    CHECK_ERROR(q_open("none", O_RDWR, 0, NULL), EMFILE);
    CHECK_ERROR(q_open("/none", O_RDWR, 0, NULL), EMFILE);
    CHECK_ERROR(q_open("", O_RDWR, 0, NULL), ENOENT);
    CHECK_ERROR(q_open("new", O_CREAT | O_RDWR, 0600, NULL), EMFILE);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK_ERROR(q_unlink("new"), ENOENT);
}

static int as_user(uid_t uid, void (*what)(void))
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        guest_failures = 0;
        if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
            _exit(2);
        what();
        fflush(stdout);
        _exit(guest_failures != 0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

static void use_others(void)
{
    static const struct {
        const char *name;
        int flags, error;
    } rows[] = {
        {"p600", O_RDONLY, EACCES}, {"p600", O_WRONLY, EACCES}, {"p600", O_RDWR, EACCES},
        {"p644", O_RDONLY, 0},      {"p644", O_WRONLY, EACCES}, {"p644", O_RDWR, EACCES},
        {"p622", O_RDONLY, EACCES}, {"p622", O_WRONLY, 0},      {"p622", O_RDWR, EACCES},
        {"p666", O_RDWR, 0},        {"p600", O_CREAT, EACCES},  {"p600", O_CREAT | O_EXCL, EEXIST},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].error) {
            CHECK_ERROR(q_open(rows[i].name, rows[i].flags, 0600, NULL), rows[i].error);
            continue;
        }
        int fd = q_open(rows[i].name, rows[i].flags, 0600, NULL);
        CHECK(fd >= 0 && close(fd) == 0);
    }
    CHECK_ERROR(q_unlink("p666"), EPERM);
    int fd = q_open("mine", O_CREAT | O_RDWR, 0, NULL); /* even so it can be used */
    CHECK(q_send(fd, "x", 1, 0, NULL) == 0 && close(fd) == 0);
    CHECK_ERROR(q_open("mine", O_RDONLY, 0, NULL), EACCES);
    CHECK(q_unlink("mine") == 0);
}

static void test_permissions(void)
{
    static const struct {
        const char *name;
        unsigned mode;
    } rows[] = {{"p600", 0600}, {"p644", 0644}, {"p622", 0622}, {"p666", 0666}};
    if (geteuid() != 0)
        return;
    umask(0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK(close(q_open(rows[i].name, O_CREAT | O_RDWR, rows[i].mode, NULL)) == 0);
    umask(022);
    CHECK(as_user(1000, use_others) == 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK(q_unlink(rows[i].name) == 0);
}

/* ---- Messages ---- */

static void test_transfer_errors(void)
{
    int fd = q_new("t", 2, SIZE), r = q_open("t", O_RDONLY | O_NONBLOCK, 0, NULL);
    int w = q_open("t", O_WRONLY | O_NONBLOCK, 0, NULL), pipes[2];
    struct timespec past = in_ms(-1000), bad = {0, 1000000000}, negative = {-1, 0}, below = {0, -1},
                    soon;
    unsigned priority = 77;
    CHECK(pipe(pipes) == 0);
    CHECK_ERROR(q_send(-1, "x", 1, 0, NULL), EBADF);
    CHECK_ERROR(q_send(pipes[1], "x", 1, 0, NULL), EBADF);
    CHECK_ERROR(q_send(r, "x", 1, 0, NULL), EBADF);
    CHECK_ERROR(q_send(-1, "x", 1, 32768, NULL), EINVAL);
    CHECK_ERROR(q_send(-1, "x", 1, 0x80000000u, BAD), EFAULT);
    CHECK_ERROR(q_send(-1, "x", 1, 0, &bad), EINVAL);
    CHECK_ERROR(q_send(w, data, SIZE + 1, 0, NULL), EMSGSIZE);
    CHECK_ERROR(q_send(w, BAD, (size_t)-1, 0, NULL), EMSGSIZE);
    CHECK_ERROR(q_send(w, BAD, 1, 0, NULL), EFAULT);
    CHECK(q_send(w, BAD, 0, 0, NULL) == 0);
    CHECK(q_send(w, data, SIZE, 32767, NULL) == 0);
    CHECK_ERROR(q_send(w, "x", 1, 0, NULL), EAGAIN);
    CHECK_ERROR(q_send(w, BAD, 1, 0, NULL), EFAULT);
    CHECK_ERROR(q_send(w, "x", 1, 0, &past), EAGAIN);
    CHECK_ERROR(q_send(w, "x", 1, 0, &negative), EINVAL);
    CHECK_ERROR(q_send(fd, "x", 1, 0, &past), ETIMEDOUT);
    soon = in_ms(20);
    CHECK_ERROR(q_send(fd, "x", 1, 0, &soon), ETIMEDOUT);
    CHECK(q_count(fd) == 2);

    CHECK_ERROR(q_receive(-1, data, SIZE, NULL, NULL), EBADF);
    CHECK_ERROR(q_receive(pipes[0], data, SIZE, NULL, NULL), EBADF);
    CHECK_ERROR(q_receive(w, data, SIZE, NULL, NULL), EBADF);
    CHECK_ERROR(q_receive(w, data, 0, NULL, NULL), EBADF);
    CHECK_ERROR(q_receive(r, data, SIZE - 1, NULL, NULL), EMSGSIZE);
    CHECK_ERROR(q_receive(r, data, 0, NULL, &below), EINVAL);
    CHECK_ERROR(q_receive(r, data, SIZE, NULL, BAD), EFAULT);
    CHECK(q_receive(r, data, sizeof data, &priority, &past) == SIZE && priority == 32767);
    CHECK(q_receive(r, BAD, SIZE, &priority, NULL) == 0 && priority == 0);
    CHECK_ERROR(q_receive(r, data, SIZE, &priority, NULL), EAGAIN);
    CHECK_ERROR(q_receive(fd, data, SIZE, &priority, &past), ETIMEDOUT);
    soon = in_ms(20);
    CHECK_ERROR(q_receive(fd, data, SIZE, &priority, &soon), ETIMEDOUT);
    /* What cannot be copied is gone. */
    CHECK(q_send(w, "abc", 3, 5, NULL) == 0 && q_send(w, "def", 3, 5, NULL) == 0);
    CHECK_ERROR(q_receive(r, BAD, SIZE, &priority, NULL), EFAULT);
    CHECK(priority == 5);
    CHECK_ERROR(q_receive(r, data, SIZE, BAD, NULL), EFAULT);
    CHECK(q_count(fd) == 0);
    close(pipes[0]);
    close(pipes[1]);
    CHECK(close(fd) == 0 && close(r) == 0 && close(w) == 0 && q_unlink("t") == 0);
}

static void test_order(void)
{
    static const unsigned sent[10] = {3, 32767, 0, 3, 7, 0, 7, 3, 32767, 1};
    static const unsigned char want[10] = {1, 8, 4, 6, 0, 3, 7, 9, 2, 5};
    int fd = q_new("o", 10, SIZE);
    unsigned priority;
    for (long round = guest_count(20, 1000); round > 0; round--) {
        for (int i = 0; i < 10; i++) {
            memset(data, i, SIZE);
            CHECK(q_send(fd, data, (size_t)(i * 6), sent[i], NULL) == 0);
        }
        for (int i = 0; i < 10; i++) {
            memset(data, 0xff, SIZE);
            CHECK(q_receive(fd, data, SIZE, &priority, NULL) == want[i] * 6);
            CHECK(priority == sent[want[i]] && (!want[i] || data[want[i] * 6 - 1] == want[i]));
            CHECK(data[want[i] * 6] == (char)0xff);
        }
    }
    CHECK(close(fd) == 0 && q_unlink("o") == 0);
}

/* ---- Limits ---- */

static long fill_up(int *fds, const struct mq_attr *attr, int error)
{
    char name[32];
    long n = 0;
    for (; n < 300; n++) {
        snprintf(name, sizeof name, "l%ld", n);
        fds[n] = q_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, attr);
        if (fds[n] < 0)
            break;
    }
    CHECK(n < 300 && errno == error);
    return n;
}

static void drop_all(int *fds, long n)
{
    char name[32];
    while (n-- > 0) {
        snprintf(name, sizeof name, "l%ld", n);
        CHECK(close(fds[n]) == 0 && q_unlink(name) == 0);
    }
}

static void use_own_limit(void)
{
    static const struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = 8192};
    int fd = q_open("user", O_CREAT | O_RDWR, 0600, &attr);
    CHECK(fd >= 0 && close(fd) == 0 && q_unlink("user") == 0);
}

static void test_limits(void)
{
    static int fds[300];
    struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = 8192},
                   tiny = {.mq_maxmsg = 1, .mq_msgsize = 1};
    struct rlimit limit, low;
    CHECK(getrlimit(RLIMIT_MSGQUEUE, &limit) == 0);
    CHECK(limit.rlim_cur == 819200);
    long n = fill_up(fds, &attr, EMFILE);
    CHECK(n == 9); /* 10 messages of 8192 + 48 bytes, and 10 priorities of 48 */
    if (geteuid() == 0)
        CHECK(as_user(1001, use_own_limit) == 0);
    /* What has no name counts until it is closed. */
    CHECK(q_unlink("l8") == 0);
    CHECK_ERROR(q_open("l8", O_CREAT | O_RDWR, 0600, &attr), EMFILE);
    CHECK(close(fds[8]) == 0);
    fds[8] = q_open("l8", O_CREAT | O_RDWR, 0600, &attr);
    CHECK(fds[8] >= 0);
    drop_all(fds, n);

    low = (struct rlimit){97, limit.rlim_max};
    CHECK(setrlimit(RLIMIT_MSGQUEUE, &low) == 0);
    fds[0] = q_open("l0", O_CREAT | O_RDWR, 0600, &tiny);
    CHECK(fds[0] >= 0);
    drop_all(fds, 1);
    low.rlim_cur = 96;
    CHECK(setrlimit(RLIMIT_MSGQUEUE, &low) == 0);
    CHECK_ERROR(q_open("l0", O_CREAT | O_RDWR, 0600, &tiny), EMFILE);
    CHECK(setrlimit(RLIMIT_MSGQUEUE, &limit) == 0);

    n = fill_up(fds, &tiny, ENOSPC);
    if (queues_at) /* natively in a name space of its own */
        CHECK(n == 256);
    CHECK_ERROR(q_open("one", O_CREAT | O_RDWR, 0600, &(struct mq_attr){.mq_maxmsg = -1}), ENOSPC);
    drop_all(fds, n);
}

/* ---- The file ---- */

static void read_text(int fd, const char *want)
{
    char text[100];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    CHECK(n == (ssize_t)strlen(want));
    text[n > 0 ? n : 0] = 0;
    if (strcmp(text, want) != 0) {
        guest_failures++;
        printf("'%s' for '%s'\n", text, want);
    }
}

static void test_file(void)
{
    int fd = q_new("f", 3, SIZE), pipes[2];
    char want[100], text[200];
    read_text(fd, "QSIZE:0          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n");
    CHECK(q_send(fd, data, 7, 0, NULL) == 0 && q_send(fd, data, 50, 1, NULL) == 0);
    struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
    CHECK(q_notify(fd, &e) == 0);
    snprintf(want, sizeof want, "QSIZE:57         NOTIFY:0     SIGNO:%-5d NOTIFY_PID:%-6d\n",
             SIGRTMIN + 1, getpid());
    read_text(fd, want);
    CHECK(q_notify(fd, NULL) == 0);
    e.sigev_notify = SIGEV_NONE;
    CHECK(q_notify(fd, &e) == 0);
    snprintf(want, sizeof want, "QSIZE:57         NOTIFY:1     SIGNO:0     NOTIFY_PID:%-6d\n",
             getpid());
    read_text(fd, want);
    CHECK(read(fd, text, 6) == 6 && memcmp(text, "QSIZE:", 6) == 0);
    CHECK(lseek(fd, 0, SEEK_CUR) == 6 && read(fd, text, sizeof text) == (ssize_t)strlen(want) - 6);
    CHECK(read(fd, text, sizeof text) == 0);
    CHECK(lseek(fd, 0, SEEK_END) == 80 && lseek(fd, 0, SEEK_SET) == 0);
    CHECK_ERROR(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK(lseek(fd, 3, SEEK_DATA) == 3 && lseek(fd, 3, SEEK_HOLE) == 80);
    CHECK_ERROR(lseek(fd, 80, SEEK_DATA), ENXIO);
    CHECK(lseek(fd, 2, SEEK_SET) == 2);
    int left = -1;
    CHECK(ioctl(fd, FIONREAD, &left) == 0 && left == 78);
    CHECK_ERROR(read(fd, BAD, 10), EFAULT);
    CHECK_ERROR(write(fd, "x", 1), EINVAL);
    CHECK_ERROR(pwrite(fd, "x", 1, 0), EINVAL);
    CHECK(pipe(pipes) == 0);
    CHECK_ERROR(sendfile(pipes[1], fd, NULL, 10), EINVAL);
    CHECK_ERROR(splice(fd, NULL, pipes[1], NULL, 10, 0), EINVAL);
    close(pipes[0]);
    close(pipes[1]);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == ENODEV);
    CHECK_ERROR(fallocate(fd, 0, 0, 10), EOPNOTSUPP);
    CHECK_ERROR(fsync(fd), EINVAL);
    CHECK_ERROR(fchdir(fd), ENOTDIR);
    struct stat st;
    CHECK(ftruncate(fd, 5) == 0 && fstat(fd, &st) == 0 && st.st_size == 5);
    CHECK(fchmod(fd, 0444) == 0 && fstat(fd, &st) == 0 && st.st_mode == (S_IFREG | 0444));
    int r = q_open("f", O_RDONLY, 0, NULL), w = geteuid() ? -1 : q_open("f", O_WRONLY, 0, NULL);
    CHECK_ERROR(write(r, "x", 1), EBADF);
    CHECK_ERROR(ftruncate(r, 5), EINVAL);
    CHECK(read(r, text, 6) == 6);
    if (w >= 0)
        CHECK_ERROR(read(w, text, 6), EBADF);
    close(w);
    close(r);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    CHECK(fcntl(fd, F_SETLK, &lock) == 0);
    CHECK(close(fd) == 0 && q_unlink("f") == 0);
}

/* All times are those of the last transfer. */
static void test_times(void)
{
    int fd = q_new("t", 3, SIZE);
    struct timespec old[2] = {{1000, 0}, {2000, 0}};
    struct stat st;
    CHECK(futimens(fd, old) == 0 && fstat(fd, &st) == 0 && st.st_mtime == 2000 &&
          st.st_atime == 1000);
    CHECK(q_send(fd, "x", 1, 0, NULL) == 0 && fstat(fd, &st) == 0);
    CHECK(st.st_mtime > 10000 && st.st_atime == st.st_mtime && st.st_ctime == st.st_mtime);
    CHECK(futimens(fd, old) == 0 && q_receive(fd, data, SIZE, NULL, NULL) == 1);
    CHECK(fstat(fd, &st) == 0 && st.st_mtime > 10000 && st.st_atime == st.st_mtime);
    CHECK(futimens(fd, old) == 0 && pread(fd, data, 1, 0) == 1 && fstat(fd, &st) == 0);
    CHECK(st.st_mtime == 2000 && st.st_atime > 10000);
    CHECK(close(fd) == 0 && q_unlink("t") == 0);
}

/* ---- Polling ---- */

static short events_of(int fd)
{
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM | POLLPRI, 0};
    CHECK(poll(&p, 1, 0) >= 0);
    return p.revents;
}

static void test_poll(void)
{
    int fd = q_new("p", 2, SIZE), ep = epoll_create1(0);
    int r = q_open("p", O_RDONLY, 0, NULL);
    struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.u32 = 5}, got;
    CHECK(events_of(fd) == (POLLOUT | POLLWRNORM) && events_of(r) == (POLLOUT | POLLWRNORM));
    CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0 && epoll_wait(ep, &got, 1, 0) == 0);
    CHECK(q_send(fd, "1", 1, 0, NULL) == 0);
    CHECK(events_of(fd) == (POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM));
    CHECK(epoll_wait(ep, &got, 1, 0) == 1 && got.data.u32 == 5 && got.events == EPOLLIN);
    CHECK(epoll_wait(ep, &got, 1, 0) == 0);
    CHECK(q_send(fd, "2", 1, 0, NULL) == 0);
    CHECK(events_of(fd) == (POLLIN | POLLRDNORM));
    CHECK(epoll_wait(ep, &got, 1, 0) == 1 && epoll_wait(ep, &got, 1, 0) == 0);
    CHECK(q_receive(fd, data, SIZE, NULL, NULL) == 1);
    CHECK(epoll_wait(ep, &got, 1, 0) == 1); /* any change is news */
    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(fd, &in);
    FD_SET(fd, &out);
    struct timeval now = {0, 0};
    CHECK(select(fd + 1, &in, &out, NULL, &now) == 2);
    CHECK(close(fd) == 0 && close(r) == 0 && epoll_wait(ep, &got, 1, 0) == 0 && close(ep) == 0);
    CHECK(q_unlink("p") == 0);
}

/* ---- Descriptors ---- */

static void test_passing(void)
{
    int fd = q_new("d", 3, SIZE), pair[2], got;
    char space[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
    struct iovec iov = {&byte, 1};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *c = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    CHECK(sendmsg(pair[0], &m, 0) == 1 && q_unlink("d") == 0 && close(fd) == 0);
    CHECK(recvmsg(pair[1], &m, 0) == 1);
    memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof got);
    CHECK(q_send(got, "x", 1, 0, NULL) == 0 && q_count(got) == 1);
    close(pair[0]);
    close(pair[1]);

    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK(q_receive(got, data, SIZE, NULL, NULL) == 1 && data[0] == 'x');
        CHECK(q_send(got, "from the child", 14, 9, NULL) == 0);
        _exit(guest_failures != 0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    unsigned priority;
    CHECK(q_receive(got, data, SIZE, &priority, NULL) == 14 && priority == 9 &&
          memcmp(data, "from the child", 14) == 0);
    CHECK(close(got) == 0);
}

/* After execve(2) only what was told to stay is there. */
static void test_exec(const char *self)
{
    int kept = q_new("kept", 1, 1), closed = q_new("closed", 1, 1);
    char a[16], b[16];
    CHECK(fcntl(kept, F_SETFD, 0) == 0);
    snprintf(a, sizeof a, "%d", kept);
    snprintf(b, sizeof b, "%d", closed);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        execl(self, self, a, b, (char *)NULL);
        _exit(99);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(q_count(kept) == 1 && q_count(closed) == 0);
    CHECK(close(kept) == 0 && close(closed) == 0 && q_unlink("kept") == 0 &&
          q_unlink("closed") == 0);
}

static int after_exec(char **argv)
{
    CHECK(q_send(atoi(argv[1]), "x", 1, 0, NULL) == 0);
    CHECK_ERROR(q_send(atoi(argv[2]), "x", 1, 0, NULL), EBADF);
    return guest_failures != 0;
}

static void test_sysctls(void)
{
    static const struct {
        const char *name, *want;
    } rows[] = {{"msg_default", "10\n"},
                {"msg_max", "10\n"},
                {"msgsize_default", "8192\n"},
                {"msgsize_max", "8192\n"},
                {"queues_max", "256\n"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[100], text[32] = "";
        snprintf(path, sizeof path, "/proc/sys/fs/mqueue/%s", rows[i].name);
        int fd = open(path, O_RDONLY);
        CHECK(fd >= 0 && read(fd, text, sizeof text - 1) > 0 && strcmp(text, rows[i].want) == 0);
        close(fd);
    }
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return after_exec(argv);
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    CHECK(n > 0);
    self[n > 0 ? n : 0] = 0;
    queues_begin();
    test_names();
    test_attributes();
    test_open();
    test_permissions();
    test_transfer_errors();
    test_order();
    test_limits();
    test_file();
    test_times();
    test_poll();
    test_passing();
    test_exec(self);
    test_sysctls();
    return guest_result();
}
