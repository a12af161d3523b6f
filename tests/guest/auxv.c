/* SPDX-License-Identifier: MIT */
/* The start of a program: the auxiliary vector, arguments and environment on the stack. */

#include <elf.h>
#include <sys/auxv.h>

#include "guest.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

extern char **environ;
extern const char __ehdr_start[];
extern void _start(void);

/* What programs ask for: x87, TSC, CX8, CMOV, MMX, FXSR, SSE, SSE2; a kernel may hide others. */
#define FEATURES 0x07808111u

static uint64_t cpuid_1_edx(void)
{
    uint32_t a = 1, b, c = 0, d;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return d;
}

int main(int argc, char **argv)
{
    CHECK(argc == 1);
    CHECK(argv[argc] == NULL);
    CHECK(environ == argv + argc + 1);
    char **env = environ;
    while (*env)
        env++;

    /* Once each, ended by AT_NULL. */
    const Elf64_auxv_t *auxv = (const void *)(env + 1);
    int seen[64] = {0};
    uint64_t hwcap = 0; /* getauxval() has glibc's own idea of it */
    for (const Elf64_auxv_t *a = auxv; a->a_type != AT_NULL; a++) {
        if (a->a_type < 64)
            CHECK(seen[a->a_type]++ == 0);
        if (a->a_type == AT_HWCAP)
            hwcap = a->a_un.a_val;
    }
    static const int wanted[] = {
        AT_SYSINFO_EHDR, AT_HWCAP,  AT_PAGESZ, AT_CLKTCK, AT_PHDR,     AT_PHENT,      AT_PHNUM,
        AT_BASE,         AT_FLAGS,  AT_ENTRY,  AT_UID,    AT_EUID,     AT_GID,        AT_EGID,
        AT_SECURE,       AT_RANDOM, AT_HWCAP2, AT_EXECFN, AT_PLATFORM, AT_MINSIGSTKSZ};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (!seen[wanted[i]])
            printf("AT %d is missing\n", wanted[i]);
        CHECK(seen[wanted[i]]);
    }

    const Elf64_Ehdr *header = (const void *)__ehdr_start;
    const Elf64_Phdr *segments = (const void *)getauxval(AT_PHDR);
    CHECK((const char *)segments == __ehdr_start + header->e_phoff);
    CHECK(getauxval(AT_PHNUM) == header->e_phnum);
    CHECK(getauxval(AT_ENTRY) == (uintptr_t)_start);
    CHECK(getauxval(AT_UID) == getuid() && getauxval(AT_EUID) == geteuid());
    CHECK(getauxval(AT_GID) == getgid() && getauxval(AT_EGID) == getegid());
    CHECK((hwcap & FEATURES) == (cpuid_1_edx() & FEATURES));
    CHECK(getauxval(AT_MINSIGSTKSZ) >= 576 + 512 && getauxval(AT_MINSIGSTKSZ) < 65536);
    printf("page %lu tick %lu phent %lu base %lu flags %lu secure %lu\n", getauxval(AT_PAGESZ),
           getauxval(AT_CLKTCK), getauxval(AT_PHENT), getauxval(AT_BASE), getauxval(AT_FLAGS),
           getauxval(AT_SECURE));
    printf("platform %s\n", (const char *)getauxval(AT_PLATFORM));

    const unsigned char *random = (const void *)getauxval(AT_RANDOM);
    int zeros = 0;
    for (int i = 0; random && i < 16; i++)
        zeros += random[i] == 0;
    CHECK(random && zeros < 8);

    /* The file's name, at the highest end of the stack. */
    const char *name = (const char *)getauxval(AT_EXECFN);
    const char *slash = name ? strrchr(name, '/') : NULL;
    CHECK(slash && strcmp(slash, "/auxv") == 0);
    CHECK(name > (const char *)env);
    uintptr_t end = ((uintptr_t)name + strlen(name) + 1 + 8 + 4095) & ~(uintptr_t)4095;
    CHECK(end - (uintptr_t)name < 4096 + 256);

    /* The stack grows by touching it, far below where it is. */
    char *deep = __builtin_alloca(1024 * 1024);
    for (size_t i = 1024 * 1024; i > 0; i -= 4096)
        ((volatile char *)deep)[i - 4096] = 1;
    CHECK(deep[0] == 1);
    return guest_result();
}
