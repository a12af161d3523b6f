/* SPDX-License-Identifier: MIT */
/*
 * getdents64(2) of a directory that changes meanwhile: what stays is told once, and what is said to
 * come after an entry still comes after it.
 *
 *     fs_listing [SEED]
 *     fs_listing fill     the files that an image has
 */

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "guest.h"

#define FILES 300

struct entry {
    uint64_t ino, next;
    uint16_t size;
    uint8_t type;
    char name[];
};

static uint64_t state;
static int seen[FILES]; /* how often each that stays was told */
static char buffer[1 << 16];

static uint32_t dice(uint32_t sides)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % sides;
}

static void make(const char *format, int n)
{
    char name[64];
    snprintf(name, sizeof name, format, n);
    CHECK(close(open(name, O_WRONLY | O_CREAT, 0600)) == 0);
}

static void fill(void)
{
    CHECK(mkdir("d", 0700) == 0);
    for (int i = 0; i < FILES; i++) {
        make("d/stay%d", i);
        make("d/goes%d", i);
    }
}

/*
 * Names come and, if `all`, go; those that stay do not change.  None is renamed: Linux' tmpfs (6.18)
 * may pass over others then.
 */
static void change(int all)
{
    char name[64];
    int n = (int)dice(FILES);
    if (all && dice(3) == 0) {
        snprintf(name, sizeof name, dice(2) ? "d/goes%d" : "d/new%d", n);
        unlink(name);
    } else {
        make("d/new%d", n);
    }
}

static int number_of(const struct entry *e)
{
    int n = -1;
    return sscanf(e->name, "stay%d", &n) == 1 ? n : -1;
}

/* All there is from here on, with changes between the calls. */
static void list(int dir, size_t size, int changes, int all)
{
    long n;
    while ((n = syscall(SYS_getdents64, dir, buffer, size)) > 0) {
        for (char *p = buffer; p < buffer + n; p += ((struct entry *)p)->size) {
            int file = number_of((struct entry *)p);
            if (file >= 0)
                seen[file]++;
        }
        for (int i = 0; i < changes; i++)
            change(all);
    }
    CHECK(n == 0);
}

/* Those that stay were told `least` to `most` times. */
static int all_seen(int least, int most)
{
    int good = 1;
    for (int i = 0; i < FILES; i++)
        good &= seen[i] >= least && seen[i] <= most;
    return good;
}

/* Linux' tmpfs may tell some again if others go. */
static void once(size_t size, int changes, int all)
{
    int dir = open("d", O_RDONLY | O_DIRECTORY);
    memset(seen, 0, sizeof seen);
    list(dir, size, changes, all);
    CHECK(all_seen(1, all ? 1000 : 1));
    memset(seen, 0, sizeof seen);
    CHECK(lseek(dir, 0, SEEK_SET) == 0);
    list(dir, size, 0, 0);
    CHECK(all_seen(1, 1));
    close(dir);
}

/* Every position: from there on come the same that came at first. */
static void positions(void)
{
    static char names[4 * FILES][32];
    static uint64_t next[4 * FILES];
    int dir = open("d", O_RDONLY | O_DIRECTORY), count = 0;
    long n;
    while ((n = syscall(SYS_getdents64, dir, buffer, 300)) > 0) {
        for (char *p = buffer; p < buffer + n; p += ((struct entry *)p)->size) {
            struct entry *e = (struct entry *)p;
            snprintf(names[count], sizeof names[count], "%s", e->name);
            next[count++] = e->next;
        }
    }
    for (int i = 0; i < count; i += 7) {
        CHECK(lseek(dir, (off_t)next[i], SEEK_SET) == (off_t)next[i]);
        n = syscall(SYS_getdents64, dir, buffer, 300);
        CHECK(i + 1 < count ? n > 0 && strcmp(((struct entry *)buffer)->name, names[i + 1]) == 0
                            : n == 0);
    }
    close(dir);
}

/* Removing all while listing leaves nothing. */
static void empty(void)
{
    int dir = open("d", O_RDONLY | O_DIRECTORY), removed = 0;
    long n;
    while ((n = syscall(SYS_getdents64, dir, buffer, 200)) > 0) {
        for (char *p = buffer; p < buffer + n; p += ((struct entry *)p)->size) {
            const char *name = ((struct entry *)p)->name;
            if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
                removed += unlinkat(dir, name, 0) == 0;
        }
    }
    CHECK(removed >= FILES);
    close(dir);
    CHECK(rmdir("d") == 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "fill") == 0) {
        fill();
        return guest_result();
    }
    state = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    if (access("d", F_OK))
        fill();
    for (long i = guest_count(10, 500); i > 0; i--)
        once(100 + dice(2000), (int)dice(20), (int)(i % 2));
    positions();
    once(sizeof buffer, 5, 1);
    empty();
    return guest_result();
}
