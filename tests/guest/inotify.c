/* SPDX-License-Identifier: MIT */
/* inotify(7): each event of each call, in its order, for the file and for its directory. */

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "guest.h"

#define WATCHES 64

static int queue; /* the instance that most of these use */
static const char *watched[WATCHES];

static void watch(const char *path, uint32_t mask)
{
    int wd = inotify_add_watch(queue, path, mask);
    CHECK(wd > 0 && wd < WATCHES);
    if (wd > 0 && wd < WATCHES)
        watched[wd] = path;
}

static void show_mask(uint32_t mask)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {
        {IN_ACCESS, "ACCESS"},
        {IN_MODIFY, "MODIFY"},
        {IN_ATTRIB, "ATTRIB"},
        {IN_CLOSE_WRITE, "CLOSE_WRITE"},
        {IN_CLOSE_NOWRITE, "CLOSE_NOWRITE"},
        {IN_OPEN, "OPEN"},
        {IN_MOVED_FROM, "MOVED_FROM"},
        {IN_MOVED_TO, "MOVED_TO"},
        {IN_CREATE, "CREATE"},
        {IN_DELETE, "DELETE"},
        {IN_DELETE_SELF, "DELETE_SELF"},
        {IN_MOVE_SELF, "MOVE_SELF"},
        {IN_Q_OVERFLOW, "Q_OVERFLOW"},
        {IN_IGNORED, "IGNORED"},
        {IN_ISDIR, "ISDIR"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (mask & names[i].bit)
            printf(" %s", names[i].name);
}

/* Print what waits. */
static void events(const char *what)
{
    static char buf[1 << 16] __attribute__((aligned(8)));
    static uint32_t cookie;
    int available = -1;
    CHECK(ioctl(queue, FIONREAD, &available) == 0);
    ssize_t n = read(queue, buf, sizeof buf);
    printf("%s:%s\n", what, n < 0 ? " none" : "");
    CHECK(available == (n < 0 ? 0 : n));
    for (char *at = buf; at < buf + n;) {
        const struct inotify_event *e = (const struct inotify_event *)at;
        printf("  %s", e->wd > 0 && e->wd < WATCHES ? watched[e->wd] : "-");
        show_mask(e->mask);
        if (e->len) /* what a file without a name is called has its inode number in it */
            printf(" \"%s\" %u", e->name[0] == '#' ? "#" : e->name, e->name[0] == '#' ? 0 : e->len);
        if (e->cookie)
            printf(e->cookie == cookie ? " and the other" : " one");
        cookie = e->cookie;
        puts("");
        at += sizeof *e + e->len;
    }
}

static int make(const char *path, const char *text)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    return fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ? -1 : close(fd);
}

static void files(void)
{
    char bytes[8];
    CHECK(mkdir("d", 0755) == 0);
    watch("d", IN_ALL_EVENTS);
    CHECK(make("d/new", "text") == 0);
    events("a new file");
    watch("d/new", IN_ALL_EVENTS);
    int fd = open("d/new", O_RDWR);
    CHECK(read(fd, bytes, sizeof bytes) == 4 && read(fd, bytes, sizeof bytes) == 0);
    events("open and read");
    CHECK(pwrite(fd, "abc", 3, 1) == 3 && pread(fd, bytes, 3, 0) == 3);
    CHECK(write(fd, "", 0) == 0);
    events("at offsets");
    CHECK(writev(fd, &(struct iovec){bytes, 2}, 1) == 2 && ftruncate(fd, 2) == 0);
    CHECK(posix_fallocate(fd, 0, 100) == 0);
    events("sizes");
    CHECK(fchmod(fd, 0600) == 0 && fchown(fd, getuid(), getgid()) == 0);
    CHECK(futimens(fd, NULL) == 0);
    CHECK(fsetxattr(fd, "user.a", "b", 1, 0) == 0 || errno == EOPNOTSUPP);
    events("attributes by descriptor");
    static const uint8_t list[] = {2, 0, 0, 0, 1, 0, 6,  0, 0, 0, 0, 0, 4, 0,
                                   0, 0, 0, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0};
    CHECK(fsetxattr(fd, "system.posix_acl_access", list, sizeof list, 0) == 0);
    CHECK_ERROR(fsetxattr(fd, "system.posix_acl_default", list, sizeof list, 0), EACCES);
    CHECK(fremovexattr(fd, "system.posix_acl_default") == 0);
    events("access control lists");
    CHECK(close(fd) == 0);
    events("close");
    CHECK(truncate("d/new", 5) == 0);
    events("truncate");
    CHECK(chmod("d/new", 0640) == 0 && chown("d/new", getuid(), getgid()) == 0);
    events("attributes by path");
    struct timespec times[2] = {{1, 2}, {3, 4}};
    CHECK(utimensat(AT_FDCWD, "d/new", times, 0) == 0);
    events("both times");
    times[0].tv_nsec = UTIME_OMIT;
    CHECK(utimensat(AT_FDCWD, "d/new", times, 0) == 0);
    events("the time of change");
    times[0].tv_nsec = 5;
    times[1].tv_nsec = UTIME_OMIT;
    CHECK(utimensat(AT_FDCWD, "d/new", times, 0) == 0);
    events("the time of access");
    fd = open("d/new", O_WRONLY | O_TRUNC);
    events("emptied");
    CHECK(close(fd) == 0 && (fd = open("d/new", O_PATH)) >= 0 && close(fd) == 0);
    events("closed again; a path only");
    struct stat st;
    CHECK(stat("d/new", &st) == 0 && access("d/new", R_OK) == 0);
    events("looked at");
}

static void names(void)
{
    CHECK(link("d/new", "d/second") == 0);
    events("a link");
    CHECK(rename("d/second", "d/third") == 0);
    events("renamed");
    CHECK(rename("d/third", "d/new") == 0);
    events("renamed to itself");
    CHECK(unlink("d/third") == 0);
    events("one link less");
    CHECK(symlink("new", "d/link") == 0 && chmod("d/link", 0644) == 0);
    events("through a link");
    CHECK(lchown("d/link", getuid(), getgid()) == 0);
    events("a link itself");
    CHECK(unlink("d/link") == 0 && mkfifo("d/fifo", 0600) == 0 && unlink("d/fifo") == 0);
    events("other types");
    CHECK(make("d/other", "other") == 0);
    events("another file");
    watch("d/other", IN_ALL_EVENTS);
    CHECK(rename("d/other", "d/new") == 0);
    events("replaced");
    CHECK(make("d/other", "other") == 0);
    CHECK(syscall(316 /* renameat2 */, AT_FDCWD, "d/other", AT_FDCWD, "d/new", 2) == 0);
    events("exchanged");
    CHECK(unlink("d/other") == 0);
    events("unlinked");
    CHECK(unlink("d/new") == 0);
    events("unlinked");
    char name[256];
    memset(name, 'n', 255);
    name[255] = 0;
    CHECK(chdir("d") == 0 && make(name, "") == 0 && unlink(name) == 0);
    CHECK(make("123456789012345", "") == 0 && make("1234567890123456", "") == 0);
    CHECK(unlink("123456789012345") == 0 && unlink("1234567890123456") == 0 && chdir("..") == 0);
    events("lengths of names");
}

static void open_files(void)
{
    CHECK(make("d/open", "") == 0);
    int fd = open("d/open", O_RDWR);
    watch("d/open", IN_ALL_EVENTS);
    events("opened before");
    CHECK(rename("d/open", "d/moved") == 0 && write(fd, "a", 1) == 1);
    events("written under its new name");
    CHECK(mkdir("e", 0755) == 0 && rename("d/moved", "e/moved") == 0 && write(fd, "a", 1) == 1);
    events("written elsewhere");
    CHECK(rename("e/moved", "d/open") == 0);
    events("back");
    CHECK(unlink("d/open") == 0 && write(fd, "a", 1) == 1 && fchmod(fd, 0600) == 0);
    events("unlinked and written");
    CHECK(close(fd) == 0);
    events("its end");
    watch("d", IN_ALL_EVENTS | IN_EXCL_UNLINK);
    CHECK((fd = open("d/open", O_CREAT | O_RDWR, 0600)) >= 0 && unlink("d/open") == 0);
    CHECK(write(fd, "a", 1) == 1 && close(fd) == 0);
    events("without the unlinked");
    watch("d", IN_ALL_EVENTS);
    CHECK((fd = open("d", O_TMPFILE | O_RDWR, 0600)) >= 0 && write(fd, "a", 1) == 1);
    CHECK(close(fd) == 0);
    events("a file without a name");
}

static void directories(void)
{
    char bytes[1024];
    CHECK(mkdir("d/sub", 0755) == 0);
    events("a directory");
    watch("d/sub", IN_ALL_EVENTS);
    int fd = open("d/sub", O_RDONLY | O_DIRECTORY);
    while (syscall(217 /* getdents64 */, fd, bytes, sizeof bytes) > 0)
        ;
    CHECK(fchmod(fd, 0700) == 0 && close(fd) == 0);
    events("listed");
    CHECK(make("d/sub/file", "") == 0);
    events("a file in it");
    CHECK(rename("d/sub/file", "d/up") == 0);
    events("moved up");
    CHECK(unlink("d/up") == 0 && rename("d/sub", "d/sub2") == 0);
    events("renamed");
    CHECK(make("d/sub2/file", "") == 0 && unlink("d/sub2/file") == 0);
    events("used under its new name");
    CHECK(mkdir("d/target", 0755) == 0);
    watch("d/target", IN_ALL_EVENTS);
    events("another");
    CHECK(rename("d/sub2", "d/target") == 0);
    events("replaced");
    CHECK(rmdir("d/target") == 0);
    events("removed");
    CHECK(mkdir("d/here", 0755) == 0);
    watch("d/here", IN_ALL_EVENTS);
    CHECK((fd = open("d/here", O_RDONLY)) >= 0 && rmdir("d/here") == 0);
    events("removed while open");
    CHECK(close(fd) == 0);
    events("its end");
    CHECK(rmdir("e") == 0 && rmdir("d") == 0);
    events("the end of all");
}

static void masks(void)
{
    CHECK(mkdir("m", 0755) == 0 && make("m/f", "") == 0 && symlink("f", "m/l") == 0);
    watch("m/f", IN_MODIFY);
    CHECK(make("m/f", "abc") == 0);
    events("one event");
    watch("m/f", IN_CLOSE_WRITE | IN_MASK_ADD);
    CHECK(make("m/f", "abc") == 0);
    events("two");
    watch("m/f", IN_OPEN);
    CHECK(make("m/f", "abc") == 0);
    events("another");
    CHECK_ERROR(inotify_add_watch(queue, "m/f", IN_OPEN | IN_MASK_CREATE), EEXIST);
    watch("m/l", IN_ATTRIB | IN_DONT_FOLLOW);
    CHECK(lchown("m/l", getuid(), getgid()) == 0);
    events("a link");
    watch("m", IN_CREATE | IN_ONESHOT);
    CHECK(make("m/a", "") == 0 && make("m/b", "") == 0);
    events("once");
    CHECK(make("m/c", "") == 0);
    events("and no more");
    int wd = inotify_add_watch(queue, "m", IN_CREATE);
    CHECK(wd > 0);
    watched[wd] = "m";
    CHECK(inotify_rm_watch(queue, wd) == 0);
    CHECK_ERROR(inotify_rm_watch(queue, wd), EINVAL);
    CHECK(make("m/d", "") == 0);
    events("removed");
}

static void errors(void)
{
    char small[16], *volatile bad = (char *)8;
    int fd = open("m/f", O_RDWR);
    events("opened");
    CHECK_ERROR(inotify_init1(1), EINVAL);
    CHECK_ERROR(inotify_add_watch(queue, "m/f", 0), EINVAL);
    CHECK_ERROR(inotify_add_watch(queue, "m/f", 0x10000), EINVAL);
    CHECK_ERROR(inotify_add_watch(-1, "m/f", IN_OPEN), EBADF);
    CHECK_ERROR(inotify_add_watch(fd, "m/f", IN_OPEN), EINVAL);
    CHECK_ERROR(inotify_add_watch(queue, "m/f", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE), EINVAL);
    CHECK_ERROR(inotify_add_watch(queue, "m/none", IN_OPEN), ENOENT);
    CHECK_ERROR(inotify_add_watch(queue, "m/f", IN_OPEN | IN_ONLYDIR), ENOTDIR);
    CHECK_ERROR(inotify_add_watch(queue, bad, IN_OPEN), EFAULT);
    CHECK_ERROR(inotify_rm_watch(queue, 12345), EINVAL);
    CHECK_ERROR(inotify_rm_watch(fd, 1), EINVAL);
    CHECK_ERROR(read(queue, small, sizeof small), EAGAIN);
    CHECK_ERROR(write(queue, small, sizeof small), EBADF);
    CHECK_ERROR(pread(queue, small, sizeof small, 0), ESPIPE);
    CHECK(close(fd) == 0);
    int open_event = inotify_add_watch(queue, "m", IN_CREATE);
    CHECK(open_event > 0);
    watched[open_event] = "m";
    events("before");
    CHECK(make("m/long name", "") == 0);
    CHECK_ERROR(read(queue, small, sizeof small), EINVAL);
    CHECK_ERROR(read(queue, bad, 4096), EFAULT);
    char link[64], path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", queue);
    ssize_t n = readlink(path, link, sizeof link - 1);
    printf("%.*s\n", (int)n, link);
    if (getuid() != 0)
        return;
    CHECK(chmod("m/f", 0) == 0);
    fflush(stdout);
    if (fork() == 0) {
        CHECK(setuid(1000) == 0);
        CHECK_ERROR(inotify_add_watch(queue, "m/f", IN_OPEN), EACCES);
        _exit(guest_failures);
    }
    int status = -1;
    CHECK(wait(&status) > 0 && status == 0);
}

static void *write_later(void *unused)
{
    (void)unused;
    usleep(50000);
    CHECK(make("m/later", "") == 0);
    return NULL;
}

static void waiting(void)
{
    char buf[256] __attribute__((aligned(8)));
    int fd = inotify_init1(IN_CLOEXEC), epoll = epoll_create1(0), wd;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7};
    pthread_t thread;
    CHECK((wd = inotify_add_watch(fd, "m", IN_CREATE | IN_DELETE)) == 1);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 && epoll_wait(epoll, &event, 1, 0) == 0);
    CHECK(pthread_create(&thread, NULL, write_later, NULL) == 0);
    CHECK(epoll_wait(epoll, &event, 1, 10000) == 1 && event.data.u32 == 7);
    CHECK(pthread_join(thread, NULL) == 0);
    const struct inotify_event *e = (const struct inotify_event *)buf;
    CHECK(read(fd, buf, sizeof buf) == 32 && e->wd == wd && strcmp(e->name, "later") == 0);
    CHECK(unlink("m/later") == 0 && read(fd, buf, sizeof buf) == 32 && e->mask == IN_DELETE);
    CHECK(pthread_create(&thread, NULL, write_later, NULL) == 0);
    CHECK(read(fd, buf, sizeof buf) == 32 && e->mask == IN_CREATE);
    CHECK(pthread_join(thread, NULL) == 0);

    /* What another process does shows here, too. */
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        usleep(50000);
        _exit(unlink("m/later") != 0);
    }
    struct pollfd p = {.fd = fd, .events = POLLIN};
    CHECK(poll(&p, 1, 10000) == 1 && p.revents == POLLIN);
    CHECK(read(fd, buf, sizeof buf) == 32 && e->mask == IN_DELETE);
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(poll(&p, 1, 0) == 0);
    CHECK(close(epoll) == 0 && close(fd) == 0);
}

static void overflow(void)
{
    char buf[4096] __attribute__((aligned(8)));
    long max = 0;
    FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    CHECK(f && fscanf(f, "%ld", &max) == 1 && max > 0 && fclose(f) == 0);
    int fd = inotify_init1(IN_NONBLOCK);
    CHECK(inotify_add_watch(fd, "m", IN_CREATE | IN_DELETE) == 1);
    for (long i = 0; i < max; i++) {
        if (make("m/x", "") < 0 || unlink("m/x") < 0)
            break;
    }
    long count = 0, overflows = 0, last = 0;
    for (ssize_t n; (n = read(fd, buf, sizeof buf)) > 0;) {
        for (char *at = buf; at < buf + n;) {
            const struct inotify_event *e = (const struct inotify_event *)at;
            count++;
            overflows += e->mask == IN_Q_OVERFLOW && e->wd == -1;
            last = e->mask;
            at += sizeof *e + e->len;
        }
    }
    CHECK(count == max + 1 && overflows == 1 && last == IN_Q_OVERFLOW);
    CHECK(make("m/x", "") == 0 && read(fd, buf, sizeof buf) == 32);
    CHECK(close(fd) == 0);
}

static void copies(void)
{
    CHECK(make("m/from", "some bytes") == 0 && make("m/to", "") == 0);
    events("files");
    watch("m/from", IN_ALL_EVENTS);
    watch("m/to", IN_ALL_EVENTS);
    int from = open("m/from", O_RDONLY), to = open("m/to", O_RDWR);
    events("opened");
    CHECK(sendfile(to, from, NULL, 4) == 4);
    events("sent");
    CHECK(copy_file_range(from, NULL, to, NULL, 4, 0) == 4);
    events("copied");
    CHECK(close(from) == 0 && close(to) == 0);
    events("closed");
}

static volatile int stop;

static void *change(void *arg)
{
    char one[32], two[32], in[40];
    snprintf(one, sizeof one, "m/one%d", *(int *)arg);
    snprintf(two, sizeof two, "m/two%d", *(int *)arg);
    snprintf(in, sizeof in, "%s/in", two);
    for (long i = guest_count(300, 20000); i > 0; i--) {
        CHECK(make(one, "text") == 0 && rename(one, two) == 0 && unlink(two) == 0);
        CHECK(mkdir(one, 0700) == 0 && rename(one, two) == 0 && make(in, "") == 0);
        CHECK(unlink(in) == 0 && rmdir(two) == 0);
    }
    return NULL;
}

static void *watch_all(void *unused)
{
    char buf[65536];
    (void)unused;
    while (!stop) {
        int fd = inotify_init1(IN_NONBLOCK), wd = 0;
        CHECK(fd >= 0);
        for (int i = 0; i < 40; i++) {
            static const char *const paths[] = {"m", "m/one0", "m/two0", "m/one1", "m/two1"};
            uint32_t mask = i % 3 ? IN_ALL_EVENTS : IN_ALL_EVENTS | IN_ONESHOT;
            wd = inotify_add_watch(fd, paths[i % 5], mask);
            CHECK(wd > 0 || errno == ENOENT);
            if (i % 4 == 0)
                inotify_rm_watch(fd, wd); /* it may have ended */
            if (read(fd, buf, sizeof buf) < 0)
                CHECK(errno == EAGAIN);
        }
        CHECK(close(fd) == 0);
    }
    return NULL;
}

/* Watches come and go while what they watch does. */
static void races(void)
{
    pthread_t changers[2], watchers[2];
    int numbers[2] = {0, 1};
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_create(&changers[i], NULL, change, &numbers[i]) == 0);
        CHECK(pthread_create(&watchers[i], NULL, watch_all, NULL) == 0);
    }
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(changers[i], NULL) == 0);
    stop = 1;
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(watchers[i], NULL) == 0);
}

int main(void)
{
    queue = inotify_init1(IN_NONBLOCK);
    CHECK(queue >= 0);
    files();
    names();
    open_files();
    directories();
    masks();
    copies();
    errors();
    waiting();
    overflow();
    races();
    CHECK(close(queue) == 0);
    return guest_result();
}
