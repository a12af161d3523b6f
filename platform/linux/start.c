/* SPDX-License-Identifier: MIT */
/* plat_start(), plat_exit(), and host errors. */

#include <cpuid.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "bases.h"
#include "internal.h"
#include "lx/errno.h"

#define HWCAP2_FSGSBASE 2ul   /* arch/x86/include/uapi/asm/hwcap2.h */
#define ERRNO_LAST LX_ERFKILL /* 132; EHWPOISON, 133, has no use here */

_Static_assert(ENOENT == LX_ENOENT && EEXIST == LX_EEXIST && EPIPE == LX_EPIPE &&
                   ENAMETOOLONG == LX_ENAMETOOLONG && ENOTEMPTY == LX_ENOTEMPTY &&
                   ELOOP == LX_ELOOP && EOVERFLOW == LX_EOVERFLOW && EILSEQ == LX_EILSEQ &&
                   EOPNOTSUPP == LX_EOPNOTSUPP && ETIMEDOUT == LX_ETIMEDOUT &&
                   ESTALE == LX_ESTALE && EDQUOT == LX_EDQUOT && ERFKILL == LX_ERFKILL,
               "this host's error numbers are the guest's");

struct linux_state g_linux = {.arena = -1, .segments = -1, .keeper = -1, .watched = -1};

int linux_error(void)
{
    return errno > 0 && errno <= ERRNO_LAST ? -errno : -LX_EIO;
}

int64_t linux_result(int64_t result)
{
    return result < 0 ? linux_error() : result;
}

static const char *missing(void)
{
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
        return "the processor or the kernel does not offer XSAVE";
    linux_bases_by_call = !(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE);
    return NULL;
}

/*
 * Occupy closed standard streams, lest a file of ours gets their number and the
 * guest's output.  An O_PATH descriptor can be neither read nor written.
 */
static int fill_streams(void)
{
    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/", O_PATH) != fd)
            return -1;
    }
    return 0;
}

int plat_host_start(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    g_linux.start_error = missing();
    if (g_linux.start_error)
        return -LX_ENOSYS;
    if (fill_streams() < 0) {
        g_linux.start_error = "cannot open / in place of a closed standard stream";
        return -LX_ENOSYS;
    }
    linux_slots_none();
    linux_faults_install();
    linux_cpus_find();
    signal(SIGPIPE, SIG_IGN); /* writes return -LX_EPIPE; a guest host inherits this */
    g_linux.started = linux_instant(PLAT_CLOCK_MONOTONIC);
    return 0;
}

const char *plat_host_start_error(void)
{
    return g_linux.start_error ? g_linux.start_error : "";
}

char **plat_host_environment(void)
{
    return environ;
}

void plat_host_exit(int code)
{
    _exit(code);
}
