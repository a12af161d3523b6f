/* SPDX-License-Identifier: MIT */
/* For tests/runner/credentials.sh: what a program starts with, a line for each argument. */

#include <grp.h>
#include <sys/auxv.h>
#include <sys/utsname.h>

#include "docker_root.h"

static void show_ids(void)
{
    uid_t r, e, s;
    gid_t gr, ge, gs;
    CHECK(getresuid(&r, &e, &s) == 0 && getresgid(&gr, &ge, &gs) == 0);
    printf("users %d %d %d groups %d %d %d aux %d %d %d %d secure %d dumpable %d\n", (int)r, (int)e,
           (int)s, (int)gr, (int)ge, (int)gs, (int)getauxval(AT_UID), (int)getauxval(AT_EUID),
           (int)getauxval(AT_GID), (int)getauxval(AT_EGID), (int)getauxval(AT_SECURE),
           prctl(PR_GET_DUMPABLE));
}

static void show_groups(void)
{
    gid_t list[64];
    int count = getgroups(64, list);
    printf("groups");
    for (int i = 0; i < count; i++)
        printf(" %d", (int)list[i]);
    printf("\n");
}

static void show_caps(void)
{
    struct caps c = {0};
    CHECK(get_caps_of(0, &c) == 0);
    printf("caps %llx %llx %llx\n", (unsigned long long)c.effective,
           (unsigned long long)c.permitted, (unsigned long long)c.inheritable);
}

static void show_limit(const char *number)
{
    struct rlimit l;
    CHECK(getrlimit((__rlimit_resource_t)atoi(number), &l) == 0);
    printf("limit %s %lld %lld\n", number, (long long)l.rlim_cur, (long long)l.rlim_max);
}

int main(int argc, char **argv)
{
    struct utsname u;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "ids"))
            show_ids();
        else if (!strcmp(argv[i], "groups"))
            show_groups();
        else if (!strcmp(argv[i], "caps"))
            show_caps();
        else if (!strcmp(argv[i], "hostname"))
            printf("hostname %s %s\n", uname(&u) == 0 ? u.nodename : "", getenv("HOSTNAME"));
        else
            show_limit(argv[i]);
    }
    return guest_failures != 0;
}
