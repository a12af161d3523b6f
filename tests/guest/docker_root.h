/* SPDX-License-Identifier: MIT */
#ifndef TESTS_DOCKER_ROOT_H
#define TESTS_DOCKER_ROOT_H

/*
 * Natively the tests may run as a root that is almighty: give up what root of a container
 * has not got.  Under Tarbox this changes nothing.
 */

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "guest.h"

#define DOCKER_CAPABILITIES 0xa80425fbull

struct caps {
    uint64_t effective, permitted, inheritable;
};

static inline int get_caps_of(pid_t pid, struct caps *c)
{
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, pid};
    struct __user_cap_data_struct d[2];
    if (syscall(SYS_capget, &h, d))
        return -1;
    c->effective = d[0].effective | (uint64_t)d[1].effective << 32;
    c->permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
    c->inheritable = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
    return 0;
}

static inline int set_caps(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct d[2] = {
        {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
        {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
    };
    return (int)syscall(SYS_capset, &h, d);
}

/* 0 if this is no root, who could become one. */
static inline int become_docker_root(void)
{
    if (geteuid() != 0)
        return 0;
    for (unsigned cap = 0; cap < 64; cap++) {
        if (prctl(PR_CAPBSET_READ, cap) == 1 && !(DOCKER_CAPABILITIES >> cap & 1))
            prctl(PR_CAPBSET_DROP, cap);
    }
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return set_caps(DOCKER_CAPABILITIES, DOCKER_CAPABILITIES, 0) == 0;
}

static inline void print_caps(const char *when)
{
    struct caps c = {0};
    uint64_t bounding = 0, ambient = 0;
    get_caps_of(0, &c);
    for (unsigned cap = 0; cap <= 40; cap++) {
        bounding |= (uint64_t)(prctl(PR_CAPBSET_READ, cap) == 1) << cap;
        ambient |= (uint64_t)(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1) << cap;
    }
    printf("%s: e %llx p %llx i %llx b %llx a %llx securebits %x keep %d\n", when,
           (unsigned long long)c.effective, (unsigned long long)c.permitted,
           (unsigned long long)c.inheritable, (unsigned long long)bounding,
           (unsigned long long)ambient, (unsigned)prctl(PR_GET_SECUREBITS), prctl(PR_GET_KEEPCAPS));
}

/* What a call says, for comparison. */
#define SHOW(call)                                                         \
    do {                                                                   \
        errno = 0;                                                         \
        long result_ = (long)(call);                                       \
        printf("%s = %ld%s%s\n", #call, result_, result_ == -1 ? " " : "", \
               result_ == -1 ? strerrorname_np(errno) : "");               \
    } while (0)

#endif
