/* SPDX-License-Identifier: MIT */
/* Clocks, sleeps and timers. */

#include <elf.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>

#include "guest_clock.h"

static int64_t ns(struct timespec t)
{
    return t.tv_sec * SECOND + t.tv_nsec;
}

/* The same by system call, without the vDSO. */
static int64_t now_by_call(clockid_t clock)
{
    struct timespec t = {-1, -1};
    CHECK(syscall(SYS_clock_gettime, clock, &t) == 0);
    return ns(t);
}

static void clocks(void)
{
    static const clockid_t all[] = {CLOCK_REALTIME,           CLOCK_MONOTONIC,
                                    CLOCK_MONOTONIC_RAW,      CLOCK_BOOTTIME,
                                    CLOCK_REALTIME_COARSE,    CLOCK_MONOTONIC_COARSE,
                                    CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int64_t last = now(all[i]);
        long backwards = 0;
        for (long n = guest_count(1000, 100000); n > 0; n--) {
            int64_t t = n % 2 ? now(all[i]) : now_by_call(all[i]);
            backwards += t < last;
            last = t;
        }
        CHECK(backwards == 0);
        struct timespec resolution;
        CHECK(clock_getres(all[i], &resolution) == 0 && resolution.tv_sec == 0);
        CHECK(resolution.tv_nsec >= 1 && resolution.tv_nsec <= 20 * MS);
    }
    struct timespec t;
    CHECK_ERROR(clock_gettime(99, &t), EINVAL);
    CHECK_ERROR(syscall(SYS_clock_gettime, CLOCK_REALTIME, 1), EFAULT);

    /* All tell the same time. */
    struct timeval tv;
    int64_t before = now(CLOCK_REALTIME);
    CHECK(gettimeofday(&tv, NULL) == 0);
    int64_t between = tv.tv_sec * SECOND + tv.tv_usec * 1000;
    int64_t after = now_by_call(CLOCK_REALTIME);
    CHECK(between >= before - 1000 && between <= after);
    CHECK(time(NULL) >= before / SECOND - 1 && time(NULL) <= after / SECOND + 10);
    CHECK(before > 1700000000 * SECOND);
    CHECK(llabs(now(CLOCK_REALTIME_COARSE) - now(CLOCK_REALTIME)) < 100 * MS);
    CHECK(now(CLOCK_BOOTTIME) >= now(CLOCK_MONOTONIC) - 100 * MS);
    CHECK(times(NULL) != -1);
}

static void sleeps(void)
{
    for (int ms = 1; ms <= 20; ms += 6) {
        int64_t start = now(CLOCK_MONOTONIC);
        CHECK(nanosleep(&(struct timespec){0, ms * MS}, NULL) == 0);
        int64_t took = now(CLOCK_MONOTONIC) - start;
        CHECK(took >= ms * MS && took < 5 * SECOND);
    }
    CHECK(nanosleep(&(struct timespec){0, 0}, NULL) == 0);
    CHECK_ERROR(nanosleep(&(struct timespec){0, SECOND}, NULL), EINVAL);
    CHECK_ERROR(nanosleep(&(struct timespec){-1, 0}, NULL), EINVAL);
    CHECK_ERROR(syscall(SYS_nanosleep, 1, NULL), EFAULT);

    static const clockid_t clocks_to_sleep_on[] = {CLOCK_MONOTONIC, CLOCK_REALTIME};
    for (int i = 0; i < 2; i++) {
        clockid_t clock = clocks_to_sleep_on[i];
        int64_t until = now(clock) + 20 * MS;
        struct timespec t = {until / SECOND, until % SECOND};
        CHECK(clock_nanosleep(clock, TIMER_ABSTIME, &t, NULL) == 0);
        CHECK(now(clock) >= until);
        CHECK(clock_nanosleep(clock, TIMER_ABSTIME, &t, NULL) == 0); /* past: at once */
    }
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, -1}, NULL) == EINVAL);
    CHECK(clock_nanosleep(99, 0, &(struct timespec){0, 1}, NULL) == EINVAL);
}

static volatile sig_atomic_t alarms;

static void count_alarm(int sig)
{
    (void)sig;
    alarms++;
}

static void timers(void)
{
    struct itimerval set = {.it_interval = {0, 5000}, .it_value = {0, 10000}}, got;
    struct sigaction action = {.sa_handler = count_alarm};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    int64_t start = now(CLOCK_MONOTONIC);
    CHECK(setitimer(ITIMER_REAL, &set, NULL) == 0);
    while (alarms < 4 && now(CLOCK_MONOTONIC) - start < 10 * SECOND)
        pause();
    CHECK(alarms >= 4 && now(CLOCK_MONOTONIC) - start >= 25 * MS);
    memset(&set, 0, sizeof set);
    CHECK(setitimer(ITIMER_REAL, &set, &got) == 0);
    CHECK(got.it_interval.tv_usec == 5000 && got.it_value.tv_sec == 0);
    CHECK(getitimer(ITIMER_REAL, &got) == 0);
    CHECK(got.it_value.tv_sec == 0 && got.it_value.tv_usec == 0);
    set.it_value.tv_usec = 1000000;
    CHECK_ERROR(setitimer(ITIMER_REAL, &set, NULL), EINVAL);
    CHECK_ERROR(syscall(SYS_setitimer, 9, &got, NULL), EINVAL);

    alarms = 0;
    CHECK(alarm(100) == 0);
    unsigned left = alarm(1);
    CHECK(left >= 99 && left <= 100);
    start = now(CLOCK_MONOTONIC);
    CHECK(sleep(30) > 0); /* interrupted */
    CHECK(alarms == 1 && now(CLOCK_MONOTONIC) - start >= 900 * MS);
    CHECK(alarm(0) == 0);
}

/* The vDSO's dynamic symbols, as a C library looks for them. */
static void vdso(void)
{
    const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
    CHECK(base != NULL);
    if (!base)
        return;
    const Elf64_Ehdr *header = (const void *)base;
    const Elf64_Phdr *segment = (const void *)(base + header->e_phoff);
    const Elf64_Dyn *dynamic = NULL;
    const char *load = NULL;
    CHECK(memcmp(header->e_ident, ELFMAG, 4) == 0 && header->e_type == ET_DYN);
    for (int i = 0; i < header->e_phnum; i++) {
        if (segment[i].p_type == PT_LOAD && !load)
            load = base + segment[i].p_offset - segment[i].p_vaddr;
        if (segment[i].p_type == PT_DYNAMIC)
            dynamic = (const void *)(base + segment[i].p_offset);
    }
    CHECK(load && dynamic);
    if (!load || !dynamic)
        return;
    const Elf64_Sym *symbols = NULL;
    const char *strings = NULL;
    size_t strings_size = 0;
    for (; dynamic->d_tag != DT_NULL; dynamic++) {
        const char *at = load + dynamic->d_un.d_ptr;
        if (dynamic->d_tag == DT_SYMTAB)
            symbols = (const void *)at;
        else if (dynamic->d_tag == DT_STRTAB)
            strings = at;
        else if (dynamic->d_tag == DT_STRSZ)
            strings_size = dynamic->d_un.d_val;
    }
    static const char *const names[] = {"__vdso_clock_gettime", "__vdso_gettimeofday",
                                        "__vdso_time", "__vdso_getcpu"};
    for (size_t n = 0; symbols && strings && n < sizeof names / sizeof *names; n++) {
        int found = 0;
        const char *end = memmem(strings, strings_size, names[n], strlen(names[n]) + 1);
        for (const Elf64_Sym *s = symbols + 1; end && (const char *)s < strings; s++)
            found |= s->st_shndx != SHN_UNDEF && strings + s->st_name == end;
        if (!found)
            printf("no %s\n", names[n]);
        CHECK(found);
    }
}

/* The same by the section table, as dietlibc does, and a call of what it finds. */
static void vdso_sections(void)
{
    const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
    const Elf64_Ehdr *header = (const void *)base;
    if (!base)
        return;
    const Elf64_Shdr *sections = (const void *)(base + header->e_shoff);
    CHECK(header->e_shoff && header->e_shnum > 2 && header->e_shentsize == sizeof *sections);
    CHECK(header->e_shstrndx < header->e_shnum);
    int (*function)(struct timeval *, void *) = NULL;
    for (unsigned i = 0; i < header->e_shnum; i++) {
        const Elf64_Shdr *table = &sections[i];
        if (table->sh_type != SHT_DYNSYM || !(table->sh_flags & SHF_ALLOC))
            continue;
        CHECK(table->sh_entsize == sizeof(Elf64_Sym) && table->sh_link < header->e_shnum);
        const char *strings = base + sections[table->sh_link].sh_offset;
        const Elf64_Sym *symbols = (const void *)(base + table->sh_offset);
        for (size_t n = 0; n < table->sh_size / sizeof *symbols; n++) {
            const Elf64_Shdr *in = &sections[symbols[n].st_shndx];
            if (strcmp(strings + symbols[n].st_name, "__vdso_gettimeofday") != 0)
                continue;
            CHECK(symbols[n].st_shndx < header->e_shnum && in->sh_flags & SHF_EXECINSTR);
            const char *at = base + in->sh_offset + symbols[n].st_value - in->sh_addr;
            memcpy(&function, &at, sizeof function);
        }
    }
    CHECK(function);
    struct timeval before, between = {0};
    gettimeofday(&before, NULL);
    CHECK(function && function(&between, NULL) == 0 && between.tv_sec >= before.tv_sec);
}

int main(void)
{
    clocks();
    sleeps();
    timers();
    vdso();
    vdso_sections();
    return guest_result();
}
