/* SPDX-License-Identifier: MIT */
/*
 * A file that a program of the host and one of a container map and change together; see
 * mapped_with_host.sh.
 *
 *     mapped_with_host first FILE    natively: makes the file
 *     mapped_with_host second FILE   in the container
 *
 * They take turns by a word in the file itself.
 */

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "guest.h"

#define PAGE 4096
#define PAGES 40

static sigjmp_buf jump;
static char *map;
static int is_second, turn;

static void handle(int sig)
{
    siglongjmp(jump, sig);
}

/* The signal that an access raises, or 0. */
static int signal_at(const char *at)
{
    int sig = sigsetjmp(jump, 1);
    if (sig == 0)
        (void)*(const volatile char *)at;
    return sig;
}

static atomic_int *word(void)
{
    return (atomic_int *)(void *)map;
}

/* End this turn, and wait for the next but one. */
static void next(void)
{
    turn += 2;
    *word() = turn - 1;
    for (int i = 0; i < 30000 && *word() != turn; i++)
        usleep(1000);
    if (*word() != turn) {
        printf("nobody answers in turn %d\n", turn);
        exit(1);
    }
}

static void as_first(int fd)
{
    char text[16];
    next(); /* 2: the second has stored a text, and written one */
    CHECK(strcmp(map + PAGE, "stored") == 0 && strcmp(map + 17 * PAGE, "written") == 0);
    CHECK(pread(fd, text, 7, PAGE) == 7 && strcmp(text, "stored") == 0);
    strcpy(map + PAGE, "first stores");
    CHECK(pwrite(fd, "first writes", 13, 17 * PAGE) == 13);
    next(); /* 4: it has seen them */
    CHECK(ftruncate(fd, 30 * PAGE) == 0);
    strcpy(map + 29 * PAGE, "longer");
    next(); /* 6: and that the file is longer */
    if (!guest_on_wine())
        CHECK(ftruncate(fd, 10 * PAGE) == 0);
    next(); /* 8: shorter, and has made it longer itself */
    CHECK(strcmp(map + 35 * PAGE, "by second") == 0);
    *word() = turn + 1;
}

static void as_second(int fd)
{
    for (int i = 0; i < 30000 && *word() != turn; i++)
        usleep(1000);
    strcpy(map + PAGE, "stored");
    CHECK(pwrite(fd, "written", 8, 17 * PAGE) == 8);
    next(); /* 3 */
    char text[16];
    CHECK(strcmp(map + PAGE, "first stores") == 0 && strcmp(map + 17 * PAGE, "first writes") == 0);
    CHECK(pread(fd, text, 13, PAGE) == 13 && strcmp(text, "first stores") == 0);
    CHECK(signal_at(map + 18 * PAGE) == SIGBUS);
    next(); /* 5 */
    CHECK(signal_at(map + 29 * PAGE) == 0 && strcmp(map + 29 * PAGE, "longer") == 0);
    CHECK(signal_at(map + 30 * PAGE) == SIGBUS);
    next(); /* 7 */
    if (!guest_on_wine())
        CHECK(signal_at(map + 10 * PAGE) == SIGBUS && signal_at(map + 9 * PAGE) == 0);
    CHECK(ftruncate(fd, 36 * PAGE) == 0);
    strcpy(map + 35 * PAGE, "by second");
    CHECK(msync(map, PAGES * PAGE, MS_SYNC) == 0);
    next(); /* 9 */
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    is_second = strcmp(argv[1], "second") == 0;
    turn = is_second;
    signal(SIGBUS, handle);
    int fd = open(argv[2], is_second ? O_RDWR : O_RDWR | O_CREAT | O_EXCL, 0644);
    CHECK(fd >= 0 && (is_second || ftruncate(fd, 18 * PAGE) == 0));
    map = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        printf("mmap: %s\n", strerror(errno));
        return 1;
    }
    (is_second ? as_second : as_first)(fd);
    return guest_result();
}
