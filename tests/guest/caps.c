/* SPDX-License-Identifier: MIT */
/* capabilities(7): capget(2), capset(2), the bounding and ambient sets, secure bits. */

#include <sys/fsuid.h>

#include "docker_root.h"

#define BIT(cap) (1ull << (cap))

/* Raw calls: the library's change all threads, which there is but one of. */
#define SETRESUID(r, e, s) syscall(SYS_setresuid, r, e, s)

static void versions(void)
{
    struct __user_cap_data_struct d[2];
    struct __user_cap_header_struct h = {0x12345678, 0};
    SHOW(syscall(SYS_capget, &h, d));
    printf("%x\n", h.version);
    h.version = 0;
    SHOW(syscall(SYS_capget, &h, NULL));
    printf("%x\n", h.version);
    SHOW(syscall(SYS_capget, &h, NULL));
    SHOW(syscall(SYS_capget, NULL, d));
    SHOW(syscall(SYS_capget, &h, 8));
    h.pid = -1;
    SHOW(syscall(SYS_capget, &h, d));
    SHOW(syscall(SYS_capset, &h, d));
    h.pid = 999999;
    SHOW(syscall(SYS_capget, &h, d));
    SHOW(syscall(SYS_capset, &h, d));
    h.pid = getpid();
    SHOW(syscall(SYS_capget, &h, d));
    SHOW(syscall(SYS_capset, &h, d));
    SHOW(syscall(SYS_capset, &h, 8));
    h.version = _LINUX_CAPABILITY_VERSION_1;
    memset(d, 0x55, sizeof d);
    SHOW(syscall(SYS_capget, &h, d));
    printf("%x %x %x %x\n", d[0].effective, d[0].permitted, d[0].inheritable, d[1].effective);
}

static void rules_of_capset(void)
{
    uint64_t all = DOCKER_CAPABILITIES;
    SHOW(set_caps(all, all, BIT(CAP_SYS_ADMIN)));
    SHOW(set_caps(all, all | BIT(CAP_SYS_ADMIN), 0));
    SHOW(set_caps(all | BIT(CAP_SYS_ADMIN), all, 0));
    SHOW(set_caps(all, all, BIT(CAP_KILL) | BIT(CAP_MKNOD)));
    print_caps("inheritable");
    SHOW(set_caps(all & ~BIT(CAP_SETPCAP), all, BIT(CAP_KILL) | BIT(CAP_MKNOD)));
    SHOW(set_caps(all & ~BIT(CAP_SETPCAP), all & ~BIT(CAP_CHOWN), BIT(CAP_KILL)));
    SHOW(set_caps(all, all, BIT(CAP_KILL)));
    SHOW(set_caps(0, all & ~BIT(CAP_CHOWN), BIT(CAP_KILL) | BIT(CAP_CHOWN)));
    print_caps("lowered");
    SHOW(set_caps(all & ~BIT(CAP_CHOWN), all & ~BIT(CAP_CHOWN), BIT(CAP_KILL) | BIT(CAP_CHOWN)));
    SHOW(set_caps(all & ~BIT(CAP_CHOWN), all & ~BIT(CAP_CHOWN), BIT(CAP_KILL)));
    print_caps("again");
}

static void bounding_and_ambient(void)
{
    SHOW(prctl(PR_CAPBSET_READ, 41));
    SHOW(prctl(PR_CAPBSET_READ, -1));
    SHOW(prctl(PR_CAPBSET_READ, CAP_KILL, 9, 9, 9));
    SHOW(prctl(PR_CAPBSET_DROP, 41));
    SHOW(prctl(PR_CAPBSET_DROP, CAP_AUDIT_WRITE));
    SHOW(prctl(PR_CAPBSET_READ, CAP_AUDIT_WRITE));
    SHOW(prctl(PR_CAP_AMBIENT, 99, CAP_KILL, 0, 0));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 41, 0, 0));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 1, 0));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_MKNOD, 0, 0));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
    print_caps("ambient");
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_KILL, 0, 0));
    print_caps("lowered");
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
    struct caps c;
    get_caps_of(0, &c);
    SHOW(set_caps(c.effective, c.permitted, 0)); /* takes it from the ambient set, too */
    print_caps("not inheritable");
    SHOW(set_caps(c.effective, c.permitted, BIT(CAP_KILL)));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
}

static void users(void)
{
    SHOW(SETRESUID(-1, 1000, -1));
    print_caps("effective user");
    SHOW(prctl(PR_CAPBSET_DROP, CAP_KILL));
    SHOW(SETRESUID(-1, 0, -1));
    print_caps("root again");
    SHOW(setfsuid(1000));
    print_caps("file user");
    SHOW(setfsuid(0));
    print_caps("file root");
    SHOW(prctl(PR_SET_KEEPCAPS, 2));
    SHOW(prctl(PR_SET_KEEPCAPS, 1));
    SHOW(prctl(PR_GET_SECUREBITS));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
    SHOW(SETRESUID(1000, 0, 0));
    print_caps("real user");
    SHOW(SETRESUID(1000, 1000, 1000));
    print_caps("user who kept");
    struct caps c;
    get_caps_of(0, &c);
    SHOW(set_caps(c.permitted, c.permitted, BIT(CAP_KILL)));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
    print_caps("user with all");
    SHOW(SETRESUID(1001, 1002, 1003)); /* he may: CAP_SETUID */
    print_caps("another user");
    SHOW(SETRESUID(0, 0, 0));
    print_caps("root by CAP_SETUID");
}

static void securebits(void)
{
    SHOW(prctl(PR_SET_SECUREBITS, 0x10000));
    SHOW(prctl(PR_SET_SECUREBITS, 0x04)); /* SECBIT_NO_SETUID_FIXUP */
    SHOW(SETRESUID(1000, 1000, 0));
    print_caps("without fix-up");
    SHOW(setfsuid(1));
    print_caps("nor here");
    SHOW(SETRESUID(0, 0, 0));
    SHOW(prctl(PR_SET_SECUREBITS, 0x40 | 0x80));
    SHOW(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
    SHOW(prctl(PR_SET_SECUREBITS, 0));
    SHOW(prctl(PR_SET_SECUREBITS, 0x80));
    SHOW(prctl(PR_SET_SECUREBITS, 0x40 | 0x80 | 0x20));
    SHOW(prctl(PR_SET_KEEPCAPS, 1));
    SHOW(SETRESUID(1000, 1000, 1000));
    print_caps("user");
    SHOW(prctl(PR_SET_SECUREBITS, 0x40 | 0x80 | 0x20));
    SHOW(prctl(PR_CAPBSET_DROP, CAP_KILL));
    SHOW(SETRESUID(0, 0, 0));
    SHOW(syscall(SYS_setgroups, 0, NULL));
    SHOW(chroot("/"));
    SHOW(set_caps(0, 0, BIT(CAP_KILL)));
    SHOW(set_caps(0, 0, 0));
}

int main(void)
{
    if (!become_docker_root()) {
        CHECK(geteuid() != 0);
        return guest_result();
    }
    print_caps("start");
    versions();
    rules_of_capset();
    bounding_and_ambient();
    users();
    securebits();
    return guest_result();
}
