/* SPDX-License-Identifier: MIT */
/*
 * Mappings of files whose sizes change: what is behind the end is SIGBUS, whoever maps it and whoever
 * has cut it; what has come is there.  In the working directory, and in memory.
 */

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "guest_process.h"

#define PAGE 4096
#define BOTH (PROT_READ | PROT_WRITE)

static __thread sigjmp_buf jump;
static __thread volatile int got_code;
static __thread void *volatile got_address;

static void handle(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    got_code = info->si_code;
    got_address = info->si_addr;
    siglongjmp(jump, 1);
}

/* 1 if the access is SIGBUS there. */
static int no_byte(const char *at, int write_it)
{
    volatile char *v = (volatile char *)at;
    got_code = 0;
    if (sigsetjmp(jump, 1) == 0) {
        if (write_it)
            *v = 1;
        else
            (void)*v;
        return 0;
    }
    return got_code == BUS_ADRERR && got_address == at;
}

static int is_gone(const char *page)
{
    return no_byte(page, 0) && no_byte(page + PAGE - 1, 0) && no_byte(page + 5, 1);
}

/* ---- Kinds of files ---- */

static const char *kind;

static int new_file(void)
{
    if (strcmp(kind, "memfd") == 0)
        return memfd_create("mapped", 0);
    const char *name = strcmp(kind, "shm") == 0 ? "/dev/shm/mapped" : "mapped.tmp";
    unlink(name);
    return open(name, O_RDWR | O_CREAT | O_EXCL, 0644);
}

static void end_file(int fd)
{
    close(fd);
    unlink("mapped.tmp");
    unlink("/dev/shm/mapped");
}

static char *map(int fd, size_t pages, int prot, int flags, size_t first)
{
    char *p = mmap(NULL, pages * PAGE, prot, flags, fd, (off_t)(first * PAGE));
    CHECK(p != MAP_FAILED);
    return p;
}

static int is_filled(const char *p, char byte, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (p[i] != byte)
            return 0;
    }
    return 1;
}

/* ---- One process ---- */

static void beyond_at_first(int flags)
{
    int fd = new_file();
    CHECK(fd >= 0 && write(fd, "abc", 3) == 3);
    char *p = map(fd, 40, BOTH, flags, 0);
    CHECK(memcmp(p, "abc\0", 4) == 0 && p[PAGE - 1] == 0);
    CHECK(is_gone(p + PAGE) && is_gone(p + 39 * PAGE));
    char *q = map(fd, 2, PROT_READ, flags, 3); /* nothing of it is there */
    CHECK(no_byte(q, 0) && no_byte(q + PAGE, 0));

    /* System calls. */
    struct stat st;
    int zero = open("/dev/zero", O_RDONLY), ends[2];
    CHECK(pipe(ends) == 0);
    CHECK_ERROR(write(ends[1], p + PAGE, 1), EFAULT);
    CHECK_ERROR(read(zero, p + PAGE, 1), EFAULT);
    CHECK_ERROR(pread(fd, p + PAGE, 3, 0), EFAULT);
    CHECK_ERROR(stat(p + PAGE, &st), EFAULT);
    CHECK(write(ends[1], p + PAGE - 4, 8) == 4 || errno == EFAULT);
    close(zero), close(ends[0]), close(ends[1]);

    CHECK(munmap(q, 2 * PAGE) == 0 && munmap(p, 40 * PAGE) == 0);
    end_file(fd);
}

static void growing(int flags)
{
    int fd = new_file();
    char *p = map(fd, 64, BOTH, flags, 0);
    CHECK(is_gone(p) && is_gone(p + 63 * PAGE));
    CHECK(write(fd, "abc", 3) == 3);
    CHECK(memcmp(p, "abc", 4) == 0 && is_gone(p + PAGE));
    CHECK(ftruncate(fd, 5 * PAGE + 1) == 0);
    CHECK(is_filled(p + PAGE, 0, 5 * PAGE) && is_gone(p + 6 * PAGE));
    CHECK(pwrite(fd, "xyz", 3, 20 * PAGE - 1) == 3);
    CHECK(memcmp(p + 20 * PAGE - 1, "xyz", 4) == 0 && is_gone(p + 21 * PAGE));
    CHECK(posix_fallocate(fd, 0, 63 * PAGE) == 0);
    CHECK(is_filled(p + 21 * PAGE, 0, 42 * PAGE) && is_gone(p + 63 * PAGE));
    int more = open("/proc/self/exe", O_RDONLY);
    CHECK(lseek(fd, 63 * PAGE, SEEK_SET) == 63 * PAGE);
    CHECK(sendfile(fd, more, NULL, PAGE) == PAGE && memcmp(p + 63 * PAGE, "\177ELF", 4) == 0);
    close(more);
    CHECK(munmap(p, 64 * PAGE) == 0);
    end_file(fd);
}

static void shrinking(int flags)
{
    static char bytes[40 * PAGE];
    int fd = new_file();
    memset(bytes, 'x', sizeof bytes);
    CHECK(write(fd, bytes, sizeof bytes) == sizeof bytes);
    char *p = map(fd, 40, BOTH, flags, 0), *q = map(fd, 10, PROT_READ, flags, 20);
    memset(p + 30 * PAGE, 'y', PAGE); /* a page of one's own where it is private */
    CHECK(ftruncate(fd, 25 * PAGE + 10) == 0);
    CHECK(p[25 * PAGE + 9] == 'x' && is_gone(p + 26 * PAGE) && is_gone(p + 30 * PAGE));
    CHECK(q[5 * PAGE] == 'x' && no_byte(q + 6 * PAGE, 0));
    if (flags == MAP_SHARED)
        CHECK(is_filled(p + 25 * PAGE + 10, 0, PAGE - 10));
    CHECK(ftruncate(fd, 40 * PAGE) == 0); /* it comes back as zeros */
    CHECK(is_filled(p + 26 * PAGE, 0, 14 * PAGE) && is_filled(q + 6 * PAGE, 0, 4 * PAGE));
    p[39 * PAGE] = 'z';
    CHECK(ftruncate(fd, 0) == 0 && is_gone(p) && is_gone(p + 39 * PAGE) && no_byte(q, 0));
    CHECK(mprotect(p, 40 * PAGE, PROT_READ) == 0 && no_byte(p, 0));
    CHECK(ftruncate(fd, 40 * PAGE) == 0 && is_filled(p, 0, 40 * PAGE));
    CHECK(mprotect(p, 40 * PAGE, BOTH) == 0);
    p[39 * PAGE] = 'z';
    CHECK(pread(fd, bytes, 1, 39 * PAGE) == 1 && bytes[0] == (flags == MAP_SHARED ? 'z' : 0));
    CHECK(munmap(q, 10 * PAGE) == 0 && munmap(p, 40 * PAGE) == 0);
    end_file(fd);
}

/* As Python's mmap.resize(), and others do it. */
static void resizing(void)
{
    int fd = new_file();
    CHECK(ftruncate(fd, 3 * PAGE) == 0);
    char *p = map(fd, 3, BOTH, MAP_SHARED, 0);
    strcpy(p + 2 * PAGE, "third");
    CHECK(ftruncate(fd, 50 * PAGE) == 0);
    p = mremap(p, 3 * PAGE, 50 * PAGE, MREMAP_MAYMOVE);
    CHECK(p != MAP_FAILED && strcmp(p + 2 * PAGE, "third") == 0);
    strcpy(p + 49 * PAGE, "last");
    CHECK(ftruncate(fd, 3 * PAGE) == 0);
    p = mremap(p, 50 * PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    CHECK(p != MAP_FAILED && strcmp(p + 2 * PAGE, "third") == 0);
    p = mremap(p, 3 * PAGE, 6 * PAGE, MREMAP_MAYMOVE);
    CHECK(p != MAP_FAILED && is_gone(p + 3 * PAGE) && strcmp(p + 2 * PAGE, "third") == 0);
    p = mremap(p, 6 * PAGE, 9 * PAGE, MREMAP_MAYMOVE);
    CHECK(p != MAP_FAILED && is_gone(p + 8 * PAGE) && strcmp(p + 2 * PAGE, "third") == 0);
    CHECK(ftruncate(fd, 9 * PAGE) == 0 && is_filled(p + 3 * PAGE, 0, 6 * PAGE));
    CHECK(munmap(p, 9 * PAGE) == 0);
    end_file(fd);
}

/* A mapping that mremap(2) made longer is cut at its new end, too. */
static void resized_is_cut(void)
{
    int fd = new_file();
    CHECK(ftruncate(fd, 50 * PAGE) == 0);
    char *p = map(fd, 3, BOTH, MAP_SHARED, 0);
    p = mremap(p, 3 * PAGE, 50 * PAGE, MREMAP_MAYMOVE);
    CHECK(p != MAP_FAILED && ftruncate(fd, 30 * PAGE) == 0);
    CHECK(!no_byte(p + 29 * PAGE, 0) && is_gone(p + 30 * PAGE) && is_gone(p + 49 * PAGE));
    CHECK(munmap(p, 50 * PAGE) == 0);
    end_file(fd);
}

/* A private mapping that is longer than its file grows, and moves. */
static void moving(void)
{
    int fd = new_file();
    CHECK(ftruncate(fd, PAGE) == 0 && pwrite(fd, "x", 1, 0) == 1);
    char *p = map(fd, 2, BOTH, MAP_PRIVATE, 0), *q = map(fd, 2, BOTH, MAP_PRIVATE, 5);
    p[1] = 'y';
    p = mremap(p, 2 * PAGE, 30 * PAGE, MREMAP_MAYMOVE);
    CHECK(p != MAP_FAILED && p[0] == 'x' && p[1] == 'y');
    q = mremap(q, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    CHECK(q != MAP_FAILED && no_byte(q, 0) && no_byte(q + 2 * PAGE, 0));
    char *free = mmap(NULL, 9 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    q = mremap(q, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, free);
    CHECK(q == free && no_byte(q + PAGE, 0));
    CHECK(ftruncate(fd, 8 * PAGE) == 0 && is_filled(q, 0, 3 * PAGE));
    CHECK(munmap(p, 30 * PAGE) == 0 && munmap(free, 9 * PAGE) == 0);
    end_file(fd);
}

/* One line of /proc/self/maps, though a part of it shows nothing. */
static void listed(void)
{
    char line[256], begin[64];
    int fd = new_file(), found = 0;
    CHECK(ftruncate(fd, PAGE) == 0);
    char *p = map(fd, 20, BOTH, MAP_SHARED, 0);
    snprintf(begin, sizeof begin, "%08lx-%08lx rw-s", (unsigned long)p,
             (unsigned long)(p + 20 * PAGE));
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        found += strncmp(line, begin, strlen(begin)) == 0;
    CHECK(found == 1 && fclose(maps) == 0);
    CHECK(munmap(p, 20 * PAGE) == 0);
    end_file(fd);
}

static void coherent(void)
{
    char bytes[PAGE];
    int fd = new_file();
    CHECK(ftruncate(fd, 33 * PAGE + 100) == 0);
    char *p = map(fd, 34, BOTH, MAP_SHARED, 0), *q = map(fd, 17, BOTH, MAP_SHARED, 17);
    CHECK(pwrite(fd, "written", 8, 17 * PAGE) == 8 && strcmp(q, "written") == 0);
    strcpy(q + PAGE, "stored");
    CHECK(strcmp(p + 18 * PAGE, "stored") == 0);
    CHECK(pread(fd, bytes, 7, 18 * PAGE) == 7 && strcmp(bytes, "stored") == 0);
    CHECK(msync(p, 34 * PAGE, MS_SYNC) == 0 && msync(q + PAGE, PAGE, MS_ASYNC) == 0);
    CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 18 * PAGE, 3) == 0);
    CHECK(memcmp(p + 18 * PAGE, "\0\0\0red", 7) == 0);
    CHECK(madvise(p + 17 * PAGE, 2 * PAGE, MADV_REMOVE) == 0);
    CHECK(is_filled(q, 0, 2 * PAGE) && pread(fd, bytes, 8, 17 * PAGE) == 8 && !bytes[0]);
    CHECK(munmap(q, 17 * PAGE) == 0);
    /* A part in the middle goes. */
    strcpy(p + 33 * PAGE, "end");
    CHECK(munmap(p + PAGE, 30 * PAGE) == 0 && strcmp(p + 33 * PAGE, "end") == 0 && *p == 0);
    CHECK(munmap(p, 34 * PAGE) == 0);
    CHECK(pread(fd, bytes, 4, 33 * PAGE) == 4 && strcmp(bytes, "end") == 0);
    end_file(fd);
}

/* ---- Names ---- */

static void read_only(void)
{
    int fd = open("mapped.tmp", O_RDWR | O_CREAT | O_EXCL, 0644);
    CHECK(fd >= 0 && write(fd, "first", 6) == 6);
    int in = open("mapped.tmp", O_RDONLY);
    char *p = map(in, 2, PROT_READ, MAP_SHARED, 0);
    CHECK(strcmp(p, "first") == 0);
    CHECK_ERROR(mprotect(p, PAGE, BOTH), EACCES);
    CHECK(mmap(NULL, PAGE, BOTH, MAP_SHARED, in, 0) == MAP_FAILED && errno == EACCES);
    int out = open("mapped.tmp", O_WRONLY);
    CHECK(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, out, 0) == MAP_FAILED && errno == EACCES);
    CHECK(pwrite(out, "second", 7, 0) == 7 && strcmp(p, "second") == 0);
    char *q = map(fd, 1, BOTH, MAP_SHARED, 0);
    strcpy(q, "third");
    CHECK(strcmp(p, "third") == 0 && close(in) == 0 && close(out) == 0 && close(fd) == 0);
    fd = open("mapped.tmp", O_RDWR | O_TRUNC); /* nobody has it open but the mappings */
    CHECK(fd >= 0 && no_byte(p, 0) && is_gone(q));
    CHECK(write(fd, "fourth", 7) == 7 && strcmp(p, "fourth") == 0 && strcmp(q, "fourth") == 0);
    CHECK(munmap(p, 2 * PAGE) == 0 && munmap(q, PAGE) == 0);
    end_file(fd);
}

static void names_that_go(void)
{
    int fd = open("mapped.tmp", O_RDWR | O_CREAT | O_EXCL, 0644);
    CHECK(fd >= 0 && ftruncate(fd, 2 * PAGE) == 0);
    char *p = map(fd, 2, BOTH, MAP_SHARED, 0);
    strcpy(p, "old");
    CHECK(close(fd) == 0 && rename("mapped.tmp", "moved.tmp") == 0);
    strcpy(p + PAGE, "page");
    fd = open("moved.tmp", O_RDWR);
    char text[8];
    CHECK(pread(fd, text, 5, PAGE) == 5 && strcmp(text, "page") == 0 && close(fd) == 0);
    CHECK(unlink("moved.tmp") == 0 && access("moved.tmp", F_OK) == -1);
    CHECK(strcmp(p, "old") == 0 && strcmp(p + PAGE, "page") == 0);
    strcpy(p, "still");
    fd = open("moved.tmp", O_RDWR | O_CREAT | O_EXCL, 0644);
    CHECK(fd >= 0 && write(fd, "new", 4) == 4 && strcmp(p, "still") == 0);
    CHECK(munmap(p, 2 * PAGE) == 0 && close(fd) == 0 && unlink("moved.tmp") == 0);
}

/* A file takes the place of one that is mapped. */
static void replaced(void)
{
    int fd = open("mapped.tmp", O_RDWR | O_CREAT | O_EXCL, 0644), other;
    CHECK(fd >= 0 && ftruncate(fd, PAGE) == 0);
    char *p = map(fd, 1, BOTH, MAP_SHARED, 0), text[8];
    strcpy(p, "old");
    other = open("moved.tmp", O_RDWR | O_CREAT | O_EXCL, 0644);
    CHECK(other >= 0 && write(other, "new", 4) == 4 && close(other) == 0);
    CHECK(rename("moved.tmp", "mapped.tmp") == 0 && strcmp(p, "old") == 0);
    CHECK(close(fd) == 0 && (fd = open("mapped.tmp", O_RDONLY)) >= 0);
    CHECK(read(fd, text, 4) == 4 && strcmp(text, "new") == 0);
    CHECK(munmap(p, PAGE) == 0);
    end_file(fd);
}

/* ---- Processes ---- */

struct shared_file {
    int fd;
    char *inherited;
    struct turn to_child, to_parent;
};

static int child(void *arg)
{
    struct shared_file *f = arg;
    char *p = map(f->fd, 40, BOTH, MAP_SHARED, 0), *q = map(f->fd, 40, PROT_READ, MAP_PRIVATE, 0);
    CHECK(is_gone(p + PAGE) && is_gone(f->inherited + PAGE) && no_byte(q + PAGE, 0));
    give(&f->to_parent);
    for (int i = 0; i < 20; i++) {
        take(&f->to_child); /* it is longer */
        CHECK(p[20 * PAGE] == 'a' + i && f->inherited[20 * PAGE] == 'a' + i &&
              q[20 * PAGE] == 'a' + i);
        p[10 * PAGE] = (char)('A' + i);
        give(&f->to_parent);
        take(&f->to_child); /* and shorter */
        CHECK(is_gone(p + 10 * PAGE) && is_gone(f->inherited + 20 * PAGE) &&
              no_byte(q + 20 * PAGE, 0));
        give(&f->to_parent);
    }
    return 3;
}

static void processes(void)
{
    struct shared_file f = {new_file(), NULL, turn_new(), turn_new()};
    CHECK(ftruncate(f.fd, PAGE) == 0);
    f.inherited = map(f.fd, 40, BOTH, MAP_SHARED, 0);
    pid_t pid = start(child, &f);
    take(&f.to_parent);
    for (int i = 0; i < 20; i++) {
        char byte = (char)('a' + i);
        CHECK(pwrite(f.fd, &byte, 1, 20 * PAGE) == 1);
        give(&f.to_child);
        take(&f.to_parent);
        CHECK(pread(f.fd, &byte, 1, 10 * PAGE) == 1 && byte == 'A' + i);
        CHECK(f.inherited[10 * PAGE] == 'A' + i);
        CHECK(ftruncate(f.fd, 10 * PAGE) == 0);
        give(&f.to_child);
        take(&f.to_parent);
    }
    CHECK_EXIT(status_of(pid), 3);
    CHECK(munmap(f.inherited, 40 * PAGE) == 0);
    turn_free(&f.to_child);
    turn_free(&f.to_parent);
    end_file(f.fd);
}

/* A program takes the place of one that maps a file, while that changes. */
static int become(void *arg)
{
    const struct shared_file *f = arg;
    map(f->fd, 40, BOTH, MAP_SHARED, 0);
    execl("/proc/self/exe", "mapped_files", "5", NULL);
    return 1;
}

static void programs(void)
{
    struct shared_file f = {.fd = new_file()};
    CHECK(ftruncate(f.fd, PAGE) == 0);
    for (int i = 0; i < 8; i++) {
        pid_t pid = start(become, &f);
        for (int j = 0; j < 100; j++)
            CHECK(ftruncate(f.fd, (1 + j % 2 * 30) * PAGE) == 0);
        CHECK_EXIT(status_of(pid), 5);
    }
    end_file(f.fd);
}

/* One process ends by the signal. */
static int touch(void *arg)
{
    signal(SIGBUS, SIG_DFL);
    *(volatile char *)arg = 1;
    return 0;
}

static void killed(void)
{
    int fd = new_file();
    CHECK(ftruncate(fd, 2 * PAGE) == 0);
    char *p = map(fd, 2, BOTH, MAP_SHARED, 0);
    CHECK_EXIT(run(touch, p + PAGE), 0);
    CHECK(ftruncate(fd, PAGE) == 0);
    CHECK_KILLED(run(touch, p + PAGE), SIGBUS);
    CHECK(munmap(p, 2 * PAGE) == 0);
    end_file(fd);
}

/* ---- Threads ---- */

#define ROUNDS 300

static char *racing;
static atomic_int over;
static atomic_long faults;

/* The first page is there always. */
static void *race(void *arg)
{
    (void)arg;
    while (!over) {
        CHECK(racing[5] == 'x');
        if (no_byte(racing + 15 * PAGE, 0))
            faults++;
        else
            CHECK(!got_code);
    }
    return NULL;
}

static void threads(void)
{
    int fd = new_file();
    pthread_t thread;
    CHECK(ftruncate(fd, PAGE) == 0 && pwrite(fd, "x", 1, 5) == 1);
    racing = map(fd, 40, BOTH, MAP_SHARED, 0);
    over = 0;
    faults = 0;
    CHECK(pthread_create(&thread, NULL, race, NULL) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(ftruncate(fd, (2 + i % 36) * PAGE) == 0);
        CHECK(ftruncate(fd, PAGE) == 0);
    }
    SOON(faults > 0);
    over = 1;
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(munmap(racing, 40 * PAGE) == 0);
    end_file(fd);
}

/* ---- Seals ---- */

static void seals(void)
{
    int fd = memfd_create("sealed", MFD_ALLOW_SEALING);
    CHECK(ftruncate(fd, 2 * PAGE) == 0);
    char *p = map(fd, 4, PROT_READ, MAP_SHARED, 0);
    CHECK(*p == 0 && no_byte(p + 2 * PAGE, 0));
    CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
    CHECK_ERROR(ftruncate(fd, PAGE), EPERM);
    CHECK(p[PAGE] == 0 && ftruncate(fd, 3 * PAGE) == 0 && p[2 * PAGE] == 0);
    CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) == 0);
    CHECK_ERROR(ftruncate(fd, 4 * PAGE), EPERM);
    CHECK(no_byte(p + 3 * PAGE, 0) && munmap(p, 4 * PAGE) == 0);
    CHECK_ERROR(fcntl(fd, F_ADD_SEALS, 0xffff), EINVAL);
    CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0 && close(fd) == 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return atoi(argv[1]); /* see become() */
    static const char *const kinds[] = {"file", "memfd", "shm"};
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGBUS, &action, NULL) == 0);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        kind = kinds[i];
        beyond_at_first(MAP_PRIVATE);
        beyond_at_first(MAP_SHARED);
        growing(MAP_SHARED);
        growing(MAP_PRIVATE);
        shrinking(MAP_SHARED);
        shrinking(MAP_PRIVATE);
        resizing();
        resized_is_cut();
        moving();
        listed();
        coherent();
        processes();
        programs();
        killed();
        threads();
        printf("%s: %d\n", kind, guest_failures);
    }
    read_only();
    names_that_go();
    replaced();
    seals();
    return guest_result();
}
