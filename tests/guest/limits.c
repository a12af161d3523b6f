/* SPDX-License-Identifier: MIT */
/* getrlimit(2), setrlimit(2), prlimit(2), and what limits do. */

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "docker_root.h"

static volatile sig_atomic_t too_large;

static void count(int sig)
{
    (void)sig;
    too_large++;
}

static void set(int resource, rlim_t soft, rlim_t hard)
{
    struct rlimit l = {soft, hard};
    CHECK(setrlimit((__rlimit_resource_t)resource, &l) == 0);
}

static void rules(void)
{
    struct rlimit l = {5, 4}, old;
    SHOW(syscall(SYS_setrlimit, RLIMIT_CORE, &l));
    SHOW(syscall(SYS_setrlimit, 16, &l));
    SHOW(syscall(SYS_setrlimit, 16, 8));
    SHOW(syscall(SYS_getrlimit, 16, 8));
    SHOW(syscall(SYS_getrlimit, RLIMIT_CORE, 8));
    SHOW(syscall(SYS_prlimit64, 0, 16, NULL, NULL));
    SHOW(syscall(SYS_prlimit64, 0, 0, NULL, NULL));
    SHOW(syscall(SYS_prlimit64, 999999, 16, NULL, &l));
    SHOW(syscall(SYS_prlimit64, -1, 0, NULL, &l));
    SHOW(syscall(SYS_prlimit64, 999999, 0, 8, &l));
    SHOW(syscall(SYS_prlimit64, 0, RLIMIT_CORE, &l, &old));
    SHOW(syscall(SYS_prlimit64, getpid(), RLIMIT_CORE, NULL, &old));
    set(RLIMIT_RTTIME, 500, 1000);
    l = (struct rlimit){1000, 1000};
    SHOW(prlimit(0, RLIMIT_RTTIME, &l, &old));
    printf("%d %d\n", (int)old.rlim_cur, (int)old.rlim_max);
    l = (struct rlimit){10, 1001};
    SHOW(setrlimit(RLIMIT_RTTIME, &l)); /* takes CAP_SYS_RESOURCE */
    l = (struct rlimit){0, 900};
    SHOW(setrlimit(RLIMIT_RTTIME, &l));
    l = (struct rlimit){10, 901};
    SHOW(setrlimit(RLIMIT_RTTIME, &l));
    SHOW(prlimit(getpid(), RLIMIT_RTTIME, NULL, &old));
    printf("%d %d\n", (int)old.rlim_cur, (int)old.rlim_max);
    l = (struct rlimit){100, 0x7fffffff};
    SHOW(setrlimit(RLIMIT_NOFILE, &l));
}

static void sizes_of_files(void)
{
    char buf[200] = "";
    struct iovec iov[2] = {{buf, 60}, {buf, 60}};
    signal(SIGXFSZ, count);
    int fd = open("file", O_CREAT | O_RDWR, 0600);
    int source = open("source", O_CREAT | O_RDWR, 0600);
    SHOW(write(source, buf, 200));
    set(RLIMIT_FSIZE, 100, RLIM_INFINITY);
    SHOW(write(fd, buf, 60));
    SHOW(write(fd, buf, 60));
    SHOW(write(fd, buf, 60));
    SHOW(write(fd, buf, 0));
    SHOW(pwrite(fd, buf, 20, 90));
    SHOW(pwrite(fd, buf, 20, 100));
    SHOW(pwrite(fd, buf, 20, 50));
    SHOW(lseek(fd, 10, SEEK_SET));
    SHOW(writev(fd, iov, 2));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(writev(fd, iov, 2));
    SHOW(ftruncate(fd, 101));
    SHOW(ftruncate(fd, 100));
    SHOW(truncate("file", 1000));
    SHOW(posix_fallocate(fd, 0, 101));
    SHOW(ftruncate(source, 150)); /* shorter than it is */
    SHOW(ftruncate(source, 200));
    SHOW(lseek(source, 0, SEEK_SET));
    SHOW(ftruncate(fd, 30));
    SHOW(lseek(fd, 30, SEEK_SET));
    SHOW(copy_file_range(source, NULL, fd, NULL, 10, 0));
    printf("%d signals\n", (int)too_large);
    int more = open("file", O_WRONLY | O_APPEND);
    SHOW(write(more, buf, 200));
    SHOW(write(more, buf, 1));
    close(more);
    int pipes[2];
    CHECK(pipe(pipes) == 0);
    SHOW(write(pipes[1], buf, 200)); /* no file */
    set(RLIMIT_FSIZE, RLIM_INFINITY, RLIM_INFINITY);
    SHOW(ftruncate(fd, 1000));
    printf("%d signals\n", (int)too_large);
    signal(SIGXFSZ, SIG_DFL);
}

#define MB (1ul << 20)

static void *map(size_t size, int prot)
{
    return mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void memory(void)
{
    void *p = map(64 * MB, PROT_READ | PROT_WRITE);
    CHECK(p != MAP_FAILED);
    char *end = sbrk(0);
    set(RLIMIT_AS, 256 * MB, RLIM_INFINITY);
    SHOW(map(256 * MB, PROT_READ) == MAP_FAILED);
    CHECK(errno == ENOMEM);
    SHOW(mremap(p, 64 * MB, 300 * MB, MREMAP_MAYMOVE) == MAP_FAILED);
    CHECK(errno == ENOMEM);
    SHOW((char *)syscall(SYS_brk, end + 256 * MB) == end);
    void *q = map(64 * MB, PROT_READ);
    SHOW(q != MAP_FAILED);
    CHECK(munmap(q, 64 * MB) == 0);
    set(RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY);
    set(RLIMIT_DATA, 128 * MB, RLIM_INFINITY);
    SHOW(map(128 * MB, PROT_READ | PROT_WRITE) == MAP_FAILED);
    CHECK(errno == ENOMEM);
    SHOW((char *)syscall(SYS_brk, end + 128 * MB) == end);
    q = map(128 * MB, PROT_READ);
    SHOW(q != MAP_FAILED);
    CHECK(munmap(q, 128 * MB) == 0);
    SHOW((char *)syscall(SYS_brk, end + MB) == end + MB);
    SHOW((char *)syscall(SYS_brk, end) == end);
    set(RLIMIT_DATA, RLIM_INFINITY, RLIM_INFINITY);

    set(RLIMIT_MEMLOCK, 65536, 65536);
    SHOW(mlock(p, 65537));
    SHOW(mlock(p, 4096));
    SHOW(munlock(p, 4096));
    SHOW(mlockall(MCL_CURRENT));
    set(RLIMIT_MEMLOCK, 0, 0);
    SHOW(mlock(p, 4096));
    SHOW(mlockall(MCL_FUTURE));
    CHECK(munmap(p, 64 * MB) == 0);
}

static void *nothing(void *arg)
{
    return arg;
}

static void set_processes(rlim_t soft)
{
    struct rlimit l;
    CHECK(getrlimit(RLIMIT_NPROC, &l) == 0);
    set(RLIMIT_NPROC, soft, l.rlim_max);
}

static void threads(void)
{
    pthread_t thread;
    set_processes(0);
    SHOW(pthread_create(&thread, NULL, nothing, NULL)); /* root is not limited */
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(setresuid(54321, 54321, 54321) == 0); /* nobody else is he */
    SHOW(pthread_create(&thread, NULL, nothing, NULL));
    set_processes(1);
    SHOW(pthread_create(&thread, NULL, nothing, NULL));
    set_processes(2);
    SOON(pthread_create(&thread, NULL, nothing, NULL) == 0); /* the first is not counted any more */
    CHECK(pthread_join(thread, NULL) == 0);
}

int main(void)
{
    int root = become_docker_root();
    CHECK(root || geteuid() != 0);
    rules();
    sizes_of_files();
    memory();
    if (root)
        threads();
    return guest_result();
}
