/* SPDX-License-Identifier: MIT */
/* mmap(2) with MAP_SHARED, memfd_create(2), and file sealing, within one process. */

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "guest.h"

#define PAGE 4096ul
#define GRANULE 65536ul
#define BOTH (PROT_READ | PROT_WRITE)

/* Is the page mapped and readable?  Asks the kernel. */
static int readable(const char *p)
{
    int fds[2];
    CHECK(pipe(fds) == 0);
    int ok = write(fds[1], p, 1) == 1;
    close(fds[0]);
    close(fds[1]);
    return ok;
}

static int writable(char *p)
{
    int fds[2];
    CHECK(pipe(fds) == 0 && write(fds[1], p, 1) == 1);
    int ok = read(fds[0], p, 1) == 1;
    close(fds[0]);
    close(fds[1]);
    return ok;
}

static char *map_fd(int fd, unsigned long size, int protection, unsigned long offset)
{
    char *p = mmap(NULL, size, protection, MAP_SHARED, fd, (off_t)offset);
    CHECK(p != MAP_FAILED);
    return p;
}

static char *map_anonymous(unsigned long size)
{
    char *p = mmap(NULL, size, BOTH, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    return p;
}

static int new_memfd(unsigned long size)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(fd >= 0);
    CHECK(ftruncate(fd, (off_t)size) == 0);
    return fd;
}

static void anonymous(void)
{
    char *p = map_anonymous(40 * PAGE);
    for (unsigned i = 0; i < 40 * PAGE; i += 512)
        CHECK(p[i] == 0);
    memset(p, 0x5a, 40 * PAGE);
    CHECK(madvise(p, 40 * PAGE, MADV_DONTNEED) == 0); /* what is shared stays */
    CHECK(p[0] == 0x5a && p[40 * PAGE - 1] == 0x5a);
    CHECK(msync(p, 40 * PAGE, MS_SYNC) == 0);
    CHECK_ERROR(msync(p, 40 * PAGE, MS_SYNC | MS_ASYNC), EINVAL);

    CHECK(munmap(p + 2 * PAGE, 3 * PAGE) == 0); /* a hole */
    CHECK(readable(p + PAGE) && !readable(p + 2 * PAGE) && !readable(p + 4 * PAGE));
    CHECK(readable(p + 5 * PAGE));
    CHECK(mprotect(p, PAGE, PROT_READ) == 0);
    CHECK(readable(p) && !writable(p) && writable(p + PAGE));
    CHECK(mprotect(p, PAGE, PROT_NONE) == 0);
    CHECK(!readable(p) && readable(p + PAGE));
    CHECK(mprotect(p, PAGE, BOTH) == 0);
    CHECK(p[0] == 0x5a && p[PAGE] == 0x5a);
    CHECK_ERROR(mprotect(p, 4 * PAGE, PROT_READ), ENOMEM);
    CHECK(mprotect(p, 2 * PAGE, BOTH) == 0);
    CHECK(munmap(p, 20 * PAGE) == 0);
    CHECK(!readable(p) && !readable(p + 19 * PAGE) && p[20 * PAGE] == 0x5a);
    CHECK(munmap(p, 40 * PAGE) == 0);
    CHECK(!readable(p + 20 * PAGE));

    /* A place that was given back, and small ones beside each other. */
    char *small[64];
    for (int i = 0; i < 64; i++) {
        small[i] = map_anonymous(PAGE);
        CHECK(small[i][0] == 0 && small[i][PAGE - 1] == 0);
        memset(small[i], i + 1, PAGE);
    }
    for (int i = 0; i < 64; i += 2)
        CHECK(munmap(small[i], PAGE) == 0);
    for (int i = 1; i < 64; i += 2)
        CHECK(small[i][0] == i + 1 && small[i][PAGE - 1] == i + 1 && munmap(small[i], PAGE) == 0);

    /* Not to be seen from without: MAP_FIXED over it is something else. */
    p = map_anonymous(4 * GRANULE);
    memset(p, 1, 4 * GRANULE);
    CHECK(mmap(p, 4 * GRANULE, BOTH, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);
    CHECK(p[0] == 0 && p[4 * GRANULE - 1] == 0);
    p[GRANULE] = 2;
    CHECK(mmap(p, GRANULE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);
    CHECK(!readable(p) && p[GRANULE] == 2);
    CHECK(mmap(p, PAGE, BOTH, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
              MAP_FAILED &&
          errno == EEXIST);
    CHECK(munmap(p, 4 * GRANULE) == 0);

    CHECK(mmap(NULL, 0, BOTH, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
}

static void device(void)
{
    int fd = open("/dev/zero", O_RDWR);
    char *a = map_fd(fd, 2 * PAGE, BOTH, 0), *b = map_fd(fd, 2 * PAGE, BOTH, PAGE);
    strcpy(a + PAGE, "mine");
    CHECK(b[0] == 0 && strcmp(a + PAGE, "mine") == 0); /* each mapping is memory of its own */
    munmap(a, 2 * PAGE);
    munmap(b, 2 * PAGE);
    close(fd);
    fd = open("/dev/zero", O_RDONLY);
    CHECK(mmap(NULL, PAGE, BOTH, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);
    a = map_fd(fd, PAGE, PROT_READ, 0);
    CHECK(a[0] == 0);
    CHECK_ERROR(mprotect(a, PAGE, BOTH), EACCES);
    munmap(a, PAGE);
    close(fd);
}

static void two_mappings(void)
{
    int fd = new_memfd(3 * GRANULE);
    char *a = map_fd(fd, 3 * GRANULE, BOTH, 0), *b = map_fd(fd, GRANULE, BOTH, GRANULE + PAGE);
    const char *r = map_fd(fd, PAGE, PROT_READ, 2 * GRANULE);
    char text[16];
    strcpy(a + GRANULE + PAGE, "through a");
    CHECK(strcmp(b, "through a") == 0);
    strcpy(b + GRANULE - PAGE, "through b");
    CHECK(strcmp(a + 2 * GRANULE, "through b") == 0 && strcmp(r, "through b") == 0);
    CHECK(pread(fd, text, 10, 2 * GRANULE) == 10 && strcmp(text, "through b") == 0);
    CHECK(pwrite(fd, "by write", 9, GRANULE + PAGE) == 9);
    CHECK(strcmp(a + GRANULE + PAGE, "by write") == 0 && strcmp(b, "by write") == 0);

    /* What is private is a copy, and read again when it is dropped. */
    char *p = mmap(NULL, GRANULE, BOTH, MAP_PRIVATE, fd, GRANULE + PAGE);
    CHECK(p != MAP_FAILED && strcmp(p, "by write") == 0);
    strcpy(p, "private");
    CHECK(strcmp(b, "by write") == 0);
    CHECK(madvise(p, GRANULE, MADV_DONTNEED) == 0);
    CHECK(strcmp(p, "by write") == 0);
    munmap(p, GRANULE);

    /* The file ends with its last mapping, not with its descriptor. */
    close(fd);
    strcpy(a, "still here");
    CHECK(munmap(b, GRANULE) == 0);
    CHECK(strcmp(a, "still here") == 0 && strcmp(r, "through b") == 0);
    CHECK(munmap(a, 3 * GRANULE) == 0);
    CHECK(strcmp(r, "through b") == 0);
    CHECK(munmap((char *)r, PAGE) == 0);
}

static void memfds(void)
{
    char text[64], name[260];
    struct stat st;
    int fd = memfd_create("name", 0);
    CHECK(fd >= 0 && fcntl(fd, F_GETFD) == 0);
    CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
    CHECK(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0777);
    CHECK(st.st_size == 0 && st.st_nlink == 0);
    CHECK(write(fd, "hello, world", 12) == 12);
    CHECK(lseek(fd, 7, SEEK_SET) == 7 && read(fd, text, sizeof text) == 5);
    CHECK(memcmp(text, "world", 5) == 0);
    CHECK(fstat(fd, &st) == 0 && st.st_size == 12);

    /* Written before it was mapped, and after. */
    char *p = map_fd(fd, 3 * PAGE, BOTH, 0);
    CHECK(memcmp(p, "hello, world", 13) == 0);
    CHECK(fstat(fd, &st) == 0 && st.st_size == 12);
    CHECK(pwrite(fd, "again", 5, 2 * PAGE) == 5);
    CHECK(memcmp(p + 2 * PAGE, "again", 6) == 0);
    CHECK(fstat(fd, &st) == 0 && st.st_size == 2 * PAGE + 5);
    memset(p, 'x', 2 * PAGE);
    CHECK(ftruncate(fd, 100) == 0 && ftruncate(fd, 3 * PAGE) == 0); /* what was cut off is zero */
    CHECK(p[99] == 'x' && p[100] == 0 && p[PAGE] == 0 && p[2 * PAGE] == 0);
    CHECK(pread(fd, text, 2, 99) == 2 && text[0] == 'x' && text[1] == 0);
    strcpy(p, "sent");
    int out = memfd_create("out", 0);
    CHECK(lseek(fd, 0, SEEK_SET) == 0 && sendfile(out, fd, NULL, 4) == 4);
    CHECK(pread(out, text, 64, 0) == 4 && memcmp(text, "sent", 4) == 0);
    memset(p, 'y', 3 * PAGE);
    CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE) == 0);
    CHECK(p[PAGE - 1] == 'y' && p[PAGE] == 0 && p[2 * PAGE - 1] == 0 && p[2 * PAGE] == 'y');
    CHECK(madvise(p + 2 * PAGE, PAGE, MADV_REMOVE) == 0);
    CHECK(p[0] == 'y' && p[2 * PAGE] == 0);
    CHECK(lseek(fd, 0, SEEK_END) == 3 * PAGE && write(fd, p, PAGE) == PAGE); /* from itself */
    CHECK(pread(fd, text, 1, 3 * PAGE) == 1 && text[0] == 'y');
    CHECK(munmap(p, 3 * PAGE) == 0);
    CHECK(pread(fd, text, 1, 0) == 1 && text[0] == 'y'); /* it stays in the file */
    close(out);
    close(fd);

    /* A large one that is mostly holes. */
    fd = new_memfd(1ul << 36);
    CHECK(pwrite(fd, "far", 4, 1l << 35) == 4);
    p = map_fd(fd, PAGE, BOTH, 1ul << 35);
    CHECK(strcmp(p, "far") == 0);
    CHECK(pread(fd, text, 8, 1l << 34) == 8 && text[0] == 0 && text[7] == 0);
    munmap(p, PAGE);
    p = map_fd(fd, PAGE, BOTH, 0);
    CHECK(p[0] == 0);
    munmap(p, PAGE);
    close(fd);

    memset(name, 'n', sizeof name);
    name[249] = 0;
    fd = memfd_create(name, 0);
    CHECK(fd >= 0);
    close(fd);
    name[249] = 'n';
    name[250] = 0;
    CHECK_ERROR(memfd_create(name, 0), EINVAL);
    CHECK_ERROR(memfd_create("x", 0x40), EINVAL);
    CHECK_ERROR((int)syscall(SYS_memfd_create, 8, 0), EFAULT);
    fd = memfd_create("", MFD_CLOEXEC);
    CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    close(fd);
}

static void seals(void)
{
    int fd = memfd_create("sealed", MFD_ALLOW_SEALING);
    char text[4];
    CHECK(fcntl(fd, F_GET_SEALS) == 0);
    CHECK(ftruncate(fd, 2 * PAGE) == 0);
    CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
    CHECK(fcntl(fd, F_GET_SEALS) == F_SEAL_SHRINK);
    CHECK_ERROR(ftruncate(fd, PAGE), EPERM);
    CHECK(ftruncate(fd, 3 * PAGE) == 0);
    CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) == 0);
    CHECK_ERROR(ftruncate(fd, 4 * PAGE), EPERM);
    CHECK_ERROR((int)pwrite(fd, "x", 1, 3 * PAGE), EPERM);
    CHECK(pwrite(fd, "abc", 3, 0) == 3);

    char *p = map_fd(fd, PAGE, BOTH, 0);
    CHECK_ERROR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    CHECK(mprotect(p, PAGE, PROT_READ) == 0); /* it may become writable again */
    CHECK_ERROR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    char *q = mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
    CHECK(q != MAP_FAILED && q[0] == 'a');
    CHECK(munmap(q + PAGE, PAGE) == 0);
    CHECK_ERROR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    CHECK(munmap(q, PAGE) == 0);
    CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0);
    CHECK_ERROR((int)pwrite(fd, "x", 1, 0), EPERM);
    CHECK_ERROR(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE), EPERM);
    CHECK(mmap(NULL, PAGE, BOTH, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM);
    p = map_fd(fd, PAGE, PROT_READ, 0);
    CHECK(memcmp(p, "abc", 3) == 0);
    CHECK_ERROR(mprotect(p, PAGE, BOTH), EACCES);
    munmap(p, PAGE);
    p = mmap(NULL, PAGE, BOTH, MAP_PRIVATE, fd, 0);
    CHECK(p != MAP_FAILED);
    p[0] = 'z';
    munmap(p, PAGE);
    CHECK(pread(fd, text, 3, 0) == 3 && memcmp(text, "abc", 3) == 0);
    CHECK_ERROR(fcntl(fd, F_ADD_SEALS, 0x1000), EINVAL);
    CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) == 0);
    CHECK_ERROR(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
    CHECK(fcntl(fd, F_GET_SEALS) == (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
    close(fd);

    fd = memfd_create("not to be sealed", 0);
    CHECK(fcntl(fd, F_GET_SEALS) == F_SEAL_SEAL);
    CHECK_ERROR(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
    close(fd);
    int fds[2];
    CHECK(pipe(fds) == 0);
    CHECK_ERROR(fcntl(fds[0], F_GET_SEALS), EINVAL);
    close(fds[0]);
    close(fds[1]);
}

static void remaps(void)
{
    char *p = map_anonymous(4 * GRANULE);
    strcpy(p, "begin");
    strcpy(p + 2 * GRANULE + PAGE, "third");
    CHECK(mremap(p, 4 * GRANULE, 3 * GRANULE, 0) == p);
    CHECK(!readable(p + 3 * GRANULE) && strcmp(p, "begin") == 0);
    char *place = mmap(NULL, 8 * GRANULE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(munmap(place, 8 * GRANULE) == 0);
    char *q = mremap(p, 3 * GRANULE, 3 * GRANULE, MREMAP_MAYMOVE | MREMAP_FIXED, place);
    CHECK(q == place && !readable(p));
    CHECK(strcmp(q, "begin") == 0 && strcmp(q + 2 * GRANULE + PAGE, "third") == 0);
    q[GRANULE] = 7;

    char *again = mremap(q, 0, GRANULE + PAGE, MREMAP_MAYMOVE); /* one more mapping */
    CHECK(again != MAP_FAILED && again != q);
    CHECK(strcmp(again, "begin") == 0 && again[GRANULE] == 7);
    strcpy(again, "again");
    CHECK(strcmp(q, "again") == 0);
    munmap(again, GRANULE + PAGE);
    CHECK(strcmp(q, "again") == 0);
    munmap(q, 3 * GRANULE);
    q = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(mremap(q, 0, PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EINVAL);
    munmap(q, PAGE);

    /* A file that grows, and a mapping with it. */
    int fd = new_memfd(PAGE);
    p = map_fd(fd, PAGE, BOTH, 0);
    strcpy(p, "first page");
    CHECK(ftruncate(fd, 5 * GRANULE) == 0);
    CHECK(pwrite(fd, "fifth", 6, 4 * GRANULE + PAGE) == 6);
    p = mremap(p, PAGE, 5 * GRANULE, MREMAP_MAYMOVE);
    CHECK(p != MAP_FAILED && strcmp(p, "first page") == 0);
    CHECK(p[2 * GRANULE] == 0 && strcmp(p + 4 * GRANULE + PAGE, "fifth") == 0);
    strcpy(p + 3 * GRANULE, "written");
    char text[8];
    CHECK(pread(fd, text, 8, 3 * GRANULE) == 8 && strcmp(text, "written") == 0);
    munmap(p, 5 * GRANULE);
    close(fd);
}

/* A ring buffer that is mapped twice, one behind the other, at a place that was set aside. */
static void ring(int kind)
{
    int fd = new_memfd(GRANULE);
    char *place = mmap(NULL, 3 * GRANULE, PROT_NONE, kind | MAP_ANONYMOUS, -1, 0);
    CHECK(place != MAP_FAILED);
    CHECK(mmap(place, GRANULE, BOTH, MAP_SHARED | MAP_FIXED, fd, 0) == place);
    CHECK(mmap(place + GRANULE, GRANULE, BOTH, MAP_SHARED | MAP_FIXED, fd, 0) == place + GRANULE);
    close(fd);
    strcpy(place + GRANULE - 4, "around");
    CHECK(memcmp(place, "nd", 3) == 0 && memcmp(place + 2 * GRANULE - 4, "arou", 4) == 0);
    CHECK(!readable(place + 2 * GRANULE));
    munmap(place, 3 * GRANULE);
}

/* Code that is written in one place and run in another. */
static void code(void)
{
    static const unsigned char bytes[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
    int fd = new_memfd(PAGE);
    char *w = map_fd(fd, PAGE, BOTH, 0);
    memcpy(w, bytes, sizeof bytes);
    char *x = map_fd(fd, PAGE, PROT_READ | PROT_EXEC, 0);
    CHECK(((int (*)(void))x)() == 42);
    w[1] = 43;
    CHECK(((int (*)(void))x)() == 43);
    CHECK(mprotect(x, PAGE, PROT_READ) == 0);
    CHECK(mprotect(x, PAGE, PROT_READ | PROT_EXEC) == 0);
    CHECK(((int (*)(void))x)() == 43);
    munmap(w, PAGE);
    munmap(x, PAGE);
    close(fd);
}

/* Files of the tree, which are as they were, too. */
static void files(void)
{
    char text[16];
    int fd = open("shared_memory.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(write(fd, "in the tree", 12) == 12 && ftruncate(fd, 3 * PAGE) == 0);
    char *p = mmap(NULL, 2 * PAGE, BOTH, MAP_SHARED, fd, 0);
    CHECK(p != MAP_FAILED);
    CHECK(strcmp(p, "in the tree") == 0);
    memcpy(p, "by", 2);
    CHECK(pread(fd, text, 12, 0) == 12 && strcmp(text, "by the tree") == 0);
    CHECK(pwrite(fd, "on", 2, 0) == 2 && strcmp(p, "on the tree") == 0);
    close(fd);
    fd = open("shared_memory.tmp", O_RDONLY);
    CHECK(read(fd, text, 12) == 12 && strcmp(text, "on the tree") == 0);
    const char *r = map_fd(fd, PAGE, PROT_READ, 0);
    p[0] = 'i';
    CHECK(strcmp(r, "in the tree") == 0);
    CHECK_ERROR(mprotect((char *)r, PAGE, BOTH), EACCES);
    CHECK(mmap(NULL, PAGE, BOTH, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);
    munmap((char *)r, PAGE);
    munmap(p, 2 * PAGE);
    close(fd);
    fd = open("shared_memory.tmp", O_RDONLY);
    CHECK(read(fd, text, 12) == 12 && strcmp(text, "in the tree") == 0);
    close(fd);
    CHECK(unlink("shared_memory.tmp") == 0);
}

/* Who can only read a file sees what others write to it, whoever came first. */
static void read_only(void)
{
    int fd = open("written", O_CREAT | O_RDWR | O_TRUNC, 0600), reader = open("written", O_RDONLY);
    CHECK(fd >= 0 && reader >= 0 && write(fd, "before", 6) == 6);
    char *p = map_fd(reader, PAGE, PROT_READ, 0);
    CHECK(memcmp(p, "before\0", 7) == 0);
    CHECK(pwrite(fd, "after", 6, 0) == 6 && memcmp(p, "after\0", 7) == 0);
    char *q = map_fd(fd, PAGE, BOTH, 0);
    q[0] = 'A';
    CHECK(p[0] == 'A' && mprotect(p, PAGE, BOTH) == -1 && errno == EACCES);
    CHECK(ftruncate(fd, 0) == 0 && ftruncate(fd, PAGE) == 0 && p[0] == 0);
    CHECK(munmap(p, PAGE) == 0 && munmap(q, PAGE) == 0);
    CHECK(close(fd) == 0 && close(reader) == 0 && unlink("written") == 0);
}

static void advice(void)
{
    char *p = mmap(NULL, 3 * PAGE, BOTH, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *s = map_anonymous(PAGE);
    CHECK(madvise(p + PAGE, PAGE, MADV_DONTFORK) == 0);
    CHECK(madvise(p, 3 * PAGE, MADV_DOFORK) == 0);
    CHECK(madvise(p, 3 * PAGE, MADV_WIPEONFORK) == 0);
    CHECK(madvise(p, PAGE, MADV_KEEPONFORK) == 0);
    CHECK_ERROR(madvise(s, PAGE, MADV_WIPEONFORK), EINVAL);
    CHECK_ERROR(madvise(p, PAGE, MADV_REMOVE), EINVAL);
    CHECK(munmap(p + PAGE, PAGE) == 0);
    CHECK_ERROR(madvise(p, 3 * PAGE, MADV_DONTFORK), ENOMEM);
    munmap(p, 3 * PAGE);
    munmap(s, PAGE);
}

/* Much at once, and again and again: it is given back. */
static void much(void)
{
    for (int i = 0; i < 5; i++) {
        char *p = map_anonymous(64ul << 20);
        for (unsigned long at = 0; at < 64ul << 20; at += 1ul << 20)
            p[at] = 1;
        CHECK(munmap(p, 64ul << 20) == 0);
    }
}

int main(void)
{
    anonymous();
    device();
    two_mappings();
    memfds();
    seals();
    remaps();
    ring(MAP_SHARED);
    ring(MAP_PRIVATE);
    code();
    files();
    read_only();
    advice();
    much();
    return guest_result();
}
