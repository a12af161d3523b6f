/* SPDX-License-Identifier: MIT */
/* core/abi against the machine's own headers: constants by name, layouts by size and offset. */

/* First: the other headers have macros with names of our fields. */
#include "lx/poll.h"
#include "lx/resource.h"
#include "lx/signal.h"
#include "lx/stat.h"
#include "lx/time.h"

#include <stddef.h>
#include <stdio.h>

#include "abi.h"

static int compared, wrong;

void compare(const char *name, uint64_t ours, uint64_t theirs)
{
    compared++;
    /* Signedness differs between headers: what counts are the bits that are passed. */
    if (ours != theirs && (uint32_t)ours != (uint32_t)theirs) {
        wrong++;
        printf("%s is %#llx, not %#llx\n", name, (unsigned long long)theirs,
               (unsigned long long)ours);
    }
}

#define SIZE(ours, theirs) compare(#theirs, sizeof(ours), sizeof(theirs))
#define OFFSET(ours, theirs, field) \
    compare(#theirs "." #field, offsetof(ours, field), offsetof(theirs, field))

static void compare_layouts(void)
{
    SIZE(struct lx_stat, struct stat);
    OFFSET(struct lx_stat, struct stat, st_nlink);
    OFFSET(struct lx_stat, struct stat, st_mode);
    OFFSET(struct lx_stat, struct stat, st_rdev);
    OFFSET(struct lx_stat, struct stat, st_size);
    OFFSET(struct lx_stat, struct stat, st_mtim);
    SIZE(struct lx_statx, struct statx);
    OFFSET(struct lx_statx, struct statx, stx_ino);
    OFFSET(struct lx_statx, struct statx, stx_mtime);
    SIZE(struct lx_statfs, struct statfs);
    OFFSET(struct lx_statfs, struct statfs, f_namelen);
    SIZE(struct lx_timespec, struct timespec);
    SIZE(struct lx_timeval, struct timeval);
    SIZE(struct lx_rlimit64, struct rlimit);
    SIZE(struct lx_rusage, struct rusage);
    SIZE(struct lx_pollfd, struct pollfd);
    OFFSET(struct lx_pollfd, struct pollfd, revents);
    SIZE(struct lx_siginfo, siginfo_t);
    SIZE(struct lx_stack, stack_t);
    OFFSET(struct lx_stack, stack_t, ss_size);
}

int main(void)
{
    compare_all();
    compare_layouts();
    printf("%d compared, %d wrong\n", compared, wrong);
    return wrong || compared < 500;
}
