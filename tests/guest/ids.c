/* SPDX-License-Identifier: MIT */
/* Process, thread, user and group numbers.  The numbers themselves differ from run to run. */

#include <grp.h>
#include <pthread.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>

#include "guest.h"

static pid_t tid_of_thread;

static void *get_tid(void *arg)
{
    (void)arg;
    tid_of_thread = gettid();
    CHECK(getpid() != gettid());
    return (void *)(intptr_t)getpid();
}

int main(void)
{
    pid_t pid = getpid();
    pthread_t thread;
    void *pid_in_thread;
    CHECK(pid > 0 && gettid() == pid);
    CHECK(getppid() >= 0 && getppid() != pid);
    CHECK(pthread_create(&thread, NULL, get_tid, NULL) == 0);
    CHECK(pthread_join(thread, &pid_in_thread) == 0);
    CHECK((intptr_t)pid_in_thread == pid && tid_of_thread != pid);

    CHECK(getpgid(0) == getpgrp() && getpgid(pid) == getpgrp());
    CHECK(getsid(0) == getsid(pid));
    CHECK_ERROR(getpgid(999999), ESRCH);
    CHECK_ERROR(getsid(999999), ESRCH);
    CHECK_ERROR(setpgid(-1, 0), EINVAL);

    uid_t r, e, s;
    CHECK(getresuid(&r, &e, &s) == 0 && r == getuid() && e == geteuid() && s == e);
    gid_t gr, ge, gs;
    CHECK(getresgid(&gr, &ge, &gs) == 0 && gr == getgid() && ge == getegid() && gs == ge);
    printf("user %d group %d\n", (int)getuid(), (int)getgid());

    /* Where that is allowed: to another effective user and back. */
    if (geteuid() == 0) {
        CHECK(setresgid((gid_t)-1, 12, (gid_t)-1) == 0 && getegid() == 12 && getgid() == gr);
        CHECK(setresgid((gid_t)-1, ge, (gid_t)-1) == 0 && getegid() == ge);
        gid_t groups[3] = {5, 6, 7}, got[8] = {0};
        CHECK(setgroups(3, groups) == 0);
        CHECK(getgroups(0, NULL) == 3 && getgroups(8, got) == 3);
        CHECK(got[0] == 5 && got[2] == 7);
        CHECK_ERROR(getgroups(2, got), EINVAL);

        CHECK(setresuid((uid_t)-1, 1000, (uid_t)-1) == 0 && geteuid() == 1000 && getuid() == 0);
        CHECK_ERROR(setgroups(3, groups), EPERM);
        CHECK_ERROR(setresuid(2000, 2000, 2000), EPERM);
        CHECK(seteuid(0) == 0 && geteuid() == 0);
        CHECK(setfsuid(1000) == 0 && setfsuid(0) == 1000 && setfsuid((uid_t)-1) == 0);
        CHECK(setreuid(1000, 1000) == 0 && getuid() == 1000);
        CHECK_ERROR(setreuid(0, 0), EPERM);
        CHECK(getresuid(&r, &e, &s) == 0 && r == 1000 && e == 1000 && s == 1000);
    }
    return guest_result();
}
