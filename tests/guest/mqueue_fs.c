/* SPDX-License-Identifier: MIT */
/* The file system of message queues: names, attributes, what can be done there and what not. */

#include <dirent.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "queues.h"

static char data[8192];

static void test_mount(void)
{
    struct statfs fs;
    struct statvfs vfs;
    CHECK(statfs(".", &fs) == 0 && fs.f_type == MQUEUE_MAGIC && fs.f_bsize == 4096);
    CHECK(fs.f_blocks == 0 && fs.f_bfree == 0 && fs.f_files == 0 && fs.f_namelen == 255);
    CHECK(statvfs(".", &vfs) == 0 &&
          (vfs.f_flag & (ST_NOSUID | ST_NODEV | ST_NOEXEC)) == (ST_NOSUID | ST_NODEV | ST_NOEXEC));
    struct stat st, up;
    CHECK(stat(".", &st) == 0 && st.st_mode == (S_IFDIR | 01777) && st.st_nlink == 2);
    CHECK(st.st_uid == 0 && st.st_gid == 0);
    CHECK(stat("..", &up) == 0 && up.st_dev != st.st_dev);
    char line[512], want[4200], found[512] = "";
    snprintf(want, sizeof want, "mqueue %s mqueue rw,nosuid,nodev,noexec", queues_at);
    FILE *f = fopen("/proc/self/mounts", "r");
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, want, strlen(want)) == 0)
            strcpy(found, line);
    }
    CHECK(f && found[0]);
    fclose(f);
    f = fopen("/proc/filesystems", "r");
    found[0] = 0;
    while (f && fgets(line, sizeof line, f)) {
        if (strcmp(line, "nodev\tmqueue\n") == 0)
            strcpy(found, line);
    }
    CHECK(f && found[0]);
    fclose(f);
}

static int has_name(const char *name)
{
    DIR *d = opendir(".");
    struct dirent *e;
    int found = 0;
    while (d && (e = readdir(d)))
        found += strcmp(e->d_name, name) == 0 && e->d_type == DT_REG;
    closedir(d);
    return found;
}

/* What is made one way is seen the other. */
static void test_names(void)
{
    struct stat st, other;
    int q = q_open("one", O_CREAT | O_RDWR, 0640, NULL);
    CHECK(q >= 0 && has_name("one") == 1);
    CHECK(stat("one", &st) == 0 && st.st_mode == (S_IFREG | 0640) && st.st_size == 80);
    CHECK(fstat(q, &other) == 0 && other.st_ino == st.st_ino && other.st_dev == st.st_dev);
    int fd = open("one", O_RDWR);
    CHECK(fd >= 0 && fcntl(fd, F_GETFD) == 0);
    CHECK(q_send(fd, "by file", 7, 3, NULL) == 0);
    CHECK(q_receive(q, data, sizeof data, NULL, NULL) == 7 && memcmp(data, "by file", 7) == 0);
    CHECK(read(fd, data, 6) == 6 && memcmp(data, "QSIZE:", 6) == 0);
    CHECK(unlink("one") == 0 && !has_name("one"));
    CHECK_ERROR(q_open("one", O_RDONLY, 0, NULL), ENOENT);
    CHECK_ERROR(stat("one", &st), ENOENT);
    CHECK(q_send(fd, "still", 5, 0, NULL) == 0);
    CHECK(q_receive(q, data, sizeof data, NULL, NULL) == 5);
    CHECK(close(fd) == 0 && close(q) == 0);

    fd = creat("two", 0666);
    CHECK(fd >= 0 && stat("two", &st) == 0 && st.st_mode == (S_IFREG | 0644));
    CHECK(q_send(fd, "x", 1, 0, NULL) == 0);
    CHECK_ERROR(q_receive(fd, data, sizeof data, NULL, NULL), EBADF);
    CHECK_ERROR(open("two", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    CHECK_ERROR(open("two", O_RDWR | O_DIRECT), EINVAL);
    CHECK_ERROR(open("two", O_RDWR | O_DIRECTORY), ENOTDIR);
    CHECK_ERROR(open("two/x", O_RDWR), ENOTDIR);
    CHECK(q_unlink("two") == 0 && close(fd) == 0 && !has_name("two"));
    CHECK(mknod("three", S_IFREG | 0600, 0) == 0);
    q = q_open("three", O_RDWR, 0, NULL);
    CHECK(q_send(q, "x", 1, 0, NULL) == 0 && close(q) == 0);
    fd = open("three", O_RDONLY | O_TRUNC);
    CHECK(fd >= 0 && q_count(fd) == 1 && fstat(fd, &st) == 0 && st.st_size == 0);
    CHECK(truncate("three", 8) == 0 && fstat(fd, &st) == 0 && st.st_size == 8);
    CHECK(close(fd) == 0 && unlink("three") == 0);
}

static void test_refused(void)
{
    struct stat st;
    int q = q_new("here", 1, 1);
    CHECK(close(q) == 0);
    CHECK_ERROR(rename("here", "there"), EPERM);
    CHECK_ERROR(rename("none", "there"), ENOENT);
    CHECK_ERROR(rename("here", "/there"), EXDEV);
    CHECK(rename("here", "here") == 0);
    /* u::rw- g::r-- o::--- */
    static const unsigned char list[] = "\2\0\0\0\1\0\6\0\377\377\377\377\4\0\4\0\377\377\377\377"
                                        " \0\0\0\377\377\377\377";
    CHECK_ERROR(setxattr("here", "system.posix_acl_access", list, sizeof list - 1, 0), EOPNOTSUPP);
    CHECK_ERROR(setxattr("here", "user.attribute", "x", 1, 0), EOPNOTSUPP);
    CHECK_ERROR(link("here", "there"), EPERM);
    CHECK_ERROR(symlink("here", "there"), EPERM);
    CHECK_ERROR(symlink("here", "here"), EEXIST);
    CHECK_ERROR(mkdir("there", 0700), EPERM);
    CHECK_ERROR(mkfifo("there", 0600), EPERM);
    CHECK_ERROR(mknod("there", S_IFCHR | 0600, 0x103), EPERM);
    CHECK_ERROR(mknod("there", S_IFSOCK | 0600, 0), EPERM);
    CHECK_ERROR(rmdir("here"), ENOTDIR);
    CHECK_ERROR(open(".", O_TMPFILE | O_RDWR, 0600), EOPNOTSUPP);
    CHECK_ERROR(execl("here", "here", (char *)NULL), EACCES);
    CHECK_ERROR(access("here", X_OK), EACCES);
    struct sockaddr_un name = {AF_UNIX, "there"};
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_ERROR(bind(s, (struct sockaddr *)&name, sizeof name), EPERM);
    close(s);
    CHECK_ERROR(stat("there", &st), ENOENT);
    CHECK(chmod("here", 0604) == 0 && stat("here", &st) == 0 && st.st_mode == (S_IFREG | 0604));
    CHECK(unlink("here") == 0);
}

static int as_user(int (*what)(void))
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
            _exit(2);
        int result = what();
        fflush(stdout);
        _exit(result);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

static int use_closed(void)
{
    guest_failures = 0; /* what is there can be opened since Linux 6.16 */
    CHECK_ERROR(q_open("user", O_RDONLY | O_CREAT, 0600, NULL), EACCES);
    CHECK_ERROR(q_unlink("root"), EACCES);
    return guest_failures != 0;
}

static int use_listed(void)
{
    guest_failures = 0;
    int q = q_open("root", O_RDONLY, 0, NULL);
    CHECK(q >= 0);
    CHECK_ERROR(q_open("user", O_RDONLY | O_CREAT, 0600, NULL), EACCES);
    CHECK_ERROR(q_open("user", O_RDONLY, 0, NULL), ENOENT);
    CHECK_ERROR(q_unlink("root"), EACCES);
    return guest_failures != 0;
}

/* The directory's permissions count for names of mq_open(2), too. */
static void test_directory(void)
{
    int q = q_open("root", O_CREAT | O_RDWR, 0644, NULL);
    CHECK(close(q) == 0);
    CHECK(chmod(".", 0700) == 0 && as_user(use_closed) == 0);
    CHECK(chmod(".", 0755) == 0 && as_user(use_listed) == 0);
    CHECK(chmod(".", 01777) == 0 && q_unlink("root") == 0);
}

static void test_inotify(void)
{
    int n = inotify_init1(IN_NONBLOCK), q;
    uint32_t seen = 0;
    CHECK(inotify_add_watch(n, ".", IN_CREATE | IN_OPEN | IN_DELETE | IN_CLOSE) >= 0);
    q = q_new("seen", 1, 1);
    CHECK(close(q) == 0 && q_unlink("seen") == 0);
    ssize_t size = read(n, data, sizeof data);
    for (ssize_t at = 0; at < size;) {
        struct inotify_event e;
        memcpy(&e, data + at, sizeof e);
        if (strcmp(data + at + sizeof e, "seen") == 0)
            seen |= e.mask;
        at += (ssize_t)(sizeof e + e.len);
    }
    CHECK((seen & (IN_CREATE | IN_DELETE)) == (IN_CREATE | IN_DELETE));
    close(n);
}

int main(void)
{
    queues_begin();
    if (queues_at) { /* natively it takes privilege to mount them */
        CHECK(chdir(queues_at) == 0);
        test_mount();
        test_names();
        test_refused();
        if (geteuid() == 0)
            test_directory();
        test_inotify();
    }
    return guest_result();
}
