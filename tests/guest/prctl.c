/* SPDX-License-Identifier: MIT */
/* prctl(2) and personality(2), but for capabilities: caps.c. */

#include <linux/prctl.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/utsname.h>

#include "docker_root.h"

#define PRCTL(...) SHOW(syscall(SYS_prctl, __VA_ARGS__))

static void kept(void)
{
    int value = -1;
    PRCTL(PR_GET_PDEATHSIG, &value);
    PRCTL(PR_SET_PDEATHSIG, 65);
    PRCTL(PR_SET_PDEATHSIG, 64);
    CHECK(prctl(PR_GET_PDEATHSIG, &value) == 0 && value == 64);
    SHOW(syscall(SYS_prctl, PR_GET_PDEATHSIG, 8));
    PRCTL(PR_SET_PDEATHSIG, 0);
    value = -1;
    CHECK(prctl(PR_GET_CHILD_SUBREAPER, &value) == 0 && value == 0);
    PRCTL(PR_SET_CHILD_SUBREAPER, 77, 1, 1, 1);
    CHECK(prctl(PR_GET_CHILD_SUBREAPER, &value) == 0 && value == 1);
    PRCTL(PR_SET_CHILD_SUBREAPER, 0);
    PRCTL(PR_GET_CHILD_SUBREAPER, 8);

    PRCTL(PR_GET_DUMPABLE);
    PRCTL(PR_SET_DUMPABLE, 2);
    PRCTL(PR_SET_DUMPABLE, 0);
    PRCTL(PR_GET_DUMPABLE);
    PRCTL(PR_SET_DUMPABLE, 1);

    PRCTL(PR_GET_TIMERSLACK);
    PRCTL(PR_SET_TIMERSLACK, 12345);
    PRCTL(PR_GET_TIMERSLACK);
    PRCTL(PR_SET_TIMERSLACK, 0);
    PRCTL(PR_GET_TIMERSLACK);
    PRCTL(PR_GET_TIMING);
    PRCTL(PR_SET_TIMING, 1);
    PRCTL(PR_SET_TIMING, 0);

    PRCTL(PR_GET_THP_DISABLE, 1, 0, 0, 0);
    PRCTL(PR_GET_THP_DISABLE, 0, 0, 0, 0);
    PRCTL(PR_SET_THP_DISABLE, 1, 0, 0, 1);
    PRCTL(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    PRCTL(PR_GET_THP_DISABLE, 0, 0, 0, 0);
    PRCTL(PR_SET_THP_DISABLE, 0, 0, 0, 0);

    PRCTL(PR_MCE_KILL_GET, 0, 0, 0, 0);
    PRCTL(PR_MCE_KILL_GET, 0, 1, 0, 0);
    PRCTL(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
    PRCTL(PR_MCE_KILL_GET, 0, 0, 0, 0);
    PRCTL(PR_MCE_KILL, PR_MCE_KILL_SET, 3, 0, 0);
    PRCTL(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 1);
    PRCTL(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 1, 0, 0);
    PRCTL(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0);
    PRCTL(PR_MCE_KILL, 5, 0, 0, 0);
    PRCTL(PR_MCE_KILL_GET, 0, 0, 0, 0);

    value = -1;
    CHECK(prctl(PR_GET_TSC, &value) == 0 && value == PR_TSC_ENABLE);
    PRCTL(PR_SET_TSC, PR_TSC_ENABLE);
    PRCTL(PR_SET_TSC, 7);
    PRCTL(PR_TASK_PERF_EVENTS_DISABLE);
    PRCTL(PR_TASK_PERF_EVENTS_ENABLE);
    PRCTL(PR_GET_SECCOMP);
}

static void refused(void)
{
    int value;
    PRCTL(PR_GET_UNALIGN, &value);
    PRCTL(PR_SET_UNALIGN, 1);
    PRCTL(PR_GET_FPEMU, &value);
    PRCTL(PR_SET_FPEMU, 1);
    PRCTL(PR_GET_FPEXC, &value);
    PRCTL(PR_SET_FPEXC, 1);
    PRCTL(PR_GET_ENDIAN, &value);
    PRCTL(PR_SET_ENDIAN, 1);
    PRCTL(PR_MPX_ENABLE_MANAGEMENT, 0, 0, 0, 0);
    PRCTL(PR_MPX_DISABLE_MANAGEMENT, 0, 0, 0, 0);
    PRCTL(PR_SET_FP_MODE, 0, 0, 0, 0);
    PRCTL(PR_GET_FP_MODE, 0, 0, 0, 0);
    PRCTL(PR_SVE_GET_VL);
    PRCTL(PR_PAC_RESET_KEYS, 0, 0, 0, 0);
    PRCTL(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, 0);
    PRCTL(PR_SET_SECCOMP, 77, 0, 0, 0);
    PRCTL(PR_SET_MM, PR_SET_MM_BRK, 0, 0, 0);
    PRCTL(PR_SET_MM, PR_SET_MM_BRK, 0, 1, 0);
    PRCTL(PR_SET_MM, PR_SET_MM_BRK, 0, 0, 1);
    PRCTL(PR_GET_SPECULATION_CTRL, 99, 0, 0, 0);
    PRCTL(PR_GET_SPECULATION_CTRL, 0, 1, 0, 0);
    PRCTL(PR_SET_SPECULATION_CTRL, 0, 0, 1, 0);
    PRCTL(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
    PRCTL(PR_GET_IO_FLUSHER, 0, 0, 0, 0);
    PRCTL(PR_SET_VMA, 1, 0, 0, 0);
    PRCTL(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 1, 4096, 0);
    PRCTL(12345);
}

static void no_new_privileges(void)
{
    PRCTL(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    PRCTL(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0);
    PRCTL(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0);
    PRCTL(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 1);
    PRCTL(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    PRCTL(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
}

static void personalities(void)
{
    struct utsname u;
    SHOW(personality(0xffffffff));
    SHOW(personality(ADDR_NO_RANDOMIZE | PER_LINUX));
    SHOW(personality(0xffffffff) == ADDR_NO_RANDOMIZE);
    SHOW(personality(PER_LINUX32) == ADDR_NO_RANDOMIZE);
    CHECK(uname(&u) == 0);
    printf("%s\n", u.machine);
    SHOW(personality(PER_LINUX));
    CHECK(uname(&u) == 0);
    printf("%s\n", u.machine);
}

/* Who changes may not be looked at any more, and does not hear of his parent's death. */
static void changing_users(void)
{
    int value = -1;
    PRCTL(PR_SET_PDEATHSIG, SIGUSR1);
    SHOW(syscall(SYS_setresuid, 1000, 0, 0));
    PRCTL(PR_GET_DUMPABLE);
    SHOW(syscall(SYS_setresuid, 1000, 1000, 0));
    PRCTL(PR_GET_DUMPABLE);
    CHECK(prctl(PR_GET_PDEATHSIG, &value) == 0);
    printf("%d\n", value);
    PRCTL(PR_SET_DUMPABLE, 1);
    SHOW(syscall(SYS_setresuid, 1000, 1000, 1000));
    PRCTL(PR_GET_DUMPABLE);
    SHOW(syscall(SYS_setresgid, 0, 0, 0));
    PRCTL(PR_GET_DUMPABLE);
}

int main(void)
{
    int root = become_docker_root();
    CHECK(root || geteuid() != 0);
    kept();
    if (root)
        refused();
    no_new_privileges();
    personalities();
    if (root)
        changing_users();
    return guest_result();
}
