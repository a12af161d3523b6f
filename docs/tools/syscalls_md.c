/* SPDX-License-Identifier: MIT */
/* Prints docs/syscalls.md from the table of system calls. */

#include <stdio.h>

enum support { FULL, PARTIAL, STUB, NONE_ENOSYS, NONE_EPERM, SUPPORT_COUNT };

static const char *const names[] = {"full", "partial", "stub", "`ENOSYS`", "`EPERM`"};
static unsigned counts[SUPPORT_COUNT];

static void row(int nr, const char *name, enum support support, const char *note)
{
    counts[support]++;
    printf("| %d | `%s` | %s | %s |\n", nr, name, names[support], note);
}

int main(void)
{
    puts("# System calls\n\n"
         "Generated from `shim/include/shim/syscalls.def`; do not edit. To bring it up to date:\n"
         "`cmake --build --preset linux-debug --target syscalls_md`.\n\n"
         "*full*: as on Linux, as far as we know. *partial*: what is missing is said. *stub*:\n"
         "answers without doing anything, for the reason given. Others fail with the error "
         "named.\n\n"
         "| number | call | support | note |\n"
         "| --- | --- | --- | --- |");
#define SYS0(nr, name, support, note, ...) row(nr, #name, support, note);
#define SYS1 SYS0
#define SYS2 SYS0
#define SYS3 SYS0
#define SYS4 SYS0
#define SYS5 SYS0
#define SYS6 SYS0
#define NOSYS(nr, name, why) row(nr, #name, NONE_ENOSYS, why);
#define NOPERM(nr, name, why) row(nr, #name, NONE_EPERM, why);
#include "shim/syscalls.def"
    printf("\n%u full, %u partial, %u stubs, %u not there.\n", counts[FULL], counts[PARTIAL],
           counts[STUB], counts[NONE_ENOSYS] + counts[NONE_EPERM]);
    return 0;
}
