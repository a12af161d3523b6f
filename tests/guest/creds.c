/* SPDX-License-Identifier: MIT */
/* credentials(7): who may change to what; groups; and what that means for files. */

#include <fcntl.h>
#include <grp.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "docker_root.h"

#define BIT(cap) (1ull << (cap))

static void show_ids(void)
{
    uid_t r, e, s;
    gid_t gr, ge, gs;
    CHECK(getresuid(&r, &e, &s) == 0 && getresgid(&gr, &ge, &gs) == 0);
    printf("users %d %d %d %d groups %d %d %d %d\n", (int)r, (int)e, (int)s, setfsuid(-1), (int)gr,
           (int)ge, (int)gs, setfsgid(-1));
}

#define IDS(call)   \
    do {            \
        SHOW(call); \
        show_ids(); \
    } while (0)

static void groups(void)
{
    static gid_t list[65537], got[65537];
    SHOW(syscall(SYS_setgroups, 65537, list));
    for (unsigned i = 0; i < 65536; i++)
        list[i] = 200000 - 3 * i % 65536;
    SHOW(syscall(SYS_setgroups, 65536, list));
    SHOW(syscall(SYS_getgroups, 0, NULL));
    SHOW(syscall(SYS_getgroups, 65535, got));
    SHOW(syscall(SYS_getgroups, -1, got));
    SHOW(syscall(SYS_getgroups, 65537, got));
    for (unsigned i = 1; i < 65536; i++) {
        if (got[i] <= got[i - 1])
            CHECK(!"in order");
    }
    printf("%u to %u\n", got[0], got[65535]);
    gid_t few[] = {30, 10, 20, 10};
    SHOW(syscall(SYS_setgroups, 4, few));
    SHOW(syscall(SYS_getgroups, 10, got));
    printf("%u %u %u %u\n", got[0], got[1], got[2], got[3]);
    few[1] = (gid_t)-1;
    SHOW(syscall(SYS_setgroups, 4, few));
    SHOW(syscall(SYS_setgroups, 4, 8));
    SHOW(syscall(SYS_setgroups, -1, few));
    SHOW(syscall(SYS_getgroups, 0, NULL));
}

/* A file of somebody's. */
static void make(const char *name, mode_t mode, uid_t uid, gid_t gid)
{
    int fd = open(name, O_CREAT | O_WRONLY | O_EXCL, 0600);
    CHECK(fd >= 0 && fchown(fd, uid, gid) == 0 && fchmod(fd, mode) == 0);
    close(fd);
}

static void files_of_root(void)
{
    struct stat st;
    SHOW(mknod("device", S_IFCHR | 0666, makedev(1, 3)));
    SHOW(mknod("block", S_IFBLK | 0666, makedev(7, 0)));
    make("theirs", 0, 2000, 2000);
    SHOW(access("theirs", R_OK | W_OK));
    SHOW(access("theirs", X_OK));
    SHOW(chmod("theirs", 02755));
    SHOW(stat("theirs", &st));
    printf("%o\n", st.st_mode);

    uint64_t all = DOCKER_CAPABILITIES;
    SHOW(set_caps(all & ~BIT(CAP_DAC_OVERRIDE), all, 0));
    SHOW(chmod("theirs", 0600));
    SHOW(open("theirs", O_RDONLY));
    SHOW(access("theirs", R_OK)); /* asks for what root could have */
    SHOW(set_caps(all & ~BIT(CAP_FOWNER), all, 0));
    SHOW(chmod("theirs", 0640));
    SHOW(utimensat(AT_FDCWD, "theirs", (struct timespec[2]){{1, 0}, {1, 0}}, 0));
    SHOW(open("theirs", O_RDONLY | O_NOATIME));
    SHOW(set_caps(all & ~BIT(CAP_CHOWN), all, 0));
    SHOW(chown("theirs", 0, -1));
    SHOW(chown("theirs", -1, 0));
    SHOW(chown("theirs", -1, -1));
    SHOW(set_caps(all & ~BIT(CAP_MKNOD), all, 0));
    SHOW(mknod("device2", S_IFCHR | 0666, makedev(1, 3)));
    SHOW(mknod("block2", S_IFBLK | 0666, makedev(7, 0)));
    SHOW(mknod("fifo", S_IFIFO | 0666, 0));
    SHOW(mknod("whiteout", S_IFCHR | 0666, 0));
    SHOW(set_caps(all & ~BIT(CAP_FSETID), all, 0));
    SHOW(chmod("theirs", 02755));
    SHOW(stat("theirs", &st));
    printf("%o\n", st.st_mode);
    SHOW(chown("theirs", -1, 20)); /* one of our groups */
    SHOW(chmod("theirs", 02755));
    SHOW(stat("theirs", &st));
    printf("%o\n", st.st_mode);
    SHOW(set_caps(all & ~BIT(CAP_SYS_CHROOT), all, 0));
    SHOW(chroot("/"));
    SHOW(set_caps(all, all, 0));
}

static void file_capabilities(void)
{
    struct vfs_cap_data v2 = {VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, {{1, 0}, {0, 0}}};
    struct vfs_cap_data got = {0};
    make("capable", 0755, 0, 0);
    SHOW(setxattr("capable", "security.capability", &v2, 19, 0));
    SHOW(setxattr("capable", "security.capability", &v2, sizeof v2, 0));
    SHOW(getxattr("capable", "security.capability", &got, sizeof got));
    CHECK(memcmp(&v2, &got, sizeof got) == 0);
    SHOW(removexattr("capable", "security.capability"));
    SHOW(getxattr("capable", "security.capability", &got, sizeof got));
    SHOW(setxattr("capable", "security.capability", &v2, sizeof v2, 0));
    SHOW(chown("capable", 1, 1));
    SHOW(getxattr("capable", "security.capability", &got, sizeof got));
    uint64_t all = DOCKER_CAPABILITIES;
    SHOW(set_caps(all & ~BIT(CAP_SETFCAP), all, 0));
    SHOW(setxattr("capable", "security.capability", &v2, sizeof v2, 0));
    SHOW(set_caps(all, all, 0));
    SHOW(setxattr("capable", "trusted.x", "x", 1, 0));
    SHOW(getxattr("capable", "trusted.x", &got, sizeof got));
}

/* setfsuid(2) is who files see. */
static void files_of_another(void)
{
    make("mine", 0600, 1000, 1000);
    make("groups", 0060, 5, 30);
    make("others", 0606, 5, 5);
    IDS(setfsgid(1000));
    IDS(setfsuid(1000));
    int fd;
    SHOW((fd = open("mine", O_RDWR)) >= 0);
    close(fd);
    SHOW((fd = open("groups", O_RDWR)) >= 0);
    close(fd);
    SHOW((fd = open("others", O_RDWR)) >= 0);
    close(fd);
    SHOW(open("theirs", O_RDWR));
    SHOW(access("theirs", W_OK)); /* by the real user */
    SHOW(chown("mine", -1, 30));
    SHOW(chown("mine", -1, 77));
    SHOW(chown("mine", 1000, -1));
    SHOW(chown("mine", 1001, -1));
    SHOW(mknod("device3", S_IFCHR | 0666, makedev(1, 3)));
    SHOW(mkdir("directory", 0777));
    IDS(setfsuid(0));
    IDS(setfsgid(0));
}

static void changes(void)
{
    IDS(setregid(5, -1));
    IDS(setregid(-1, 6));
    IDS(setgid(7));
    IDS(setresgid(1, 2, 3));
    IDS(syscall(SYS_setreuid, 5, -1));
    IDS(syscall(SYS_setresuid, -1, 1000, -1));
    IDS(setgid(1));
    IDS(setgid(2));
    IDS(setgid(-1));
    IDS(setregid(3, -1));
    IDS(setregid(-1, 3));
    IDS(setresgid(2, 1, 3));
    IDS(setresgid(2, 77, -1));
    IDS(setfsgid(3));
    IDS(setfsgid(78));
    IDS(syscall(SYS_setuid, 1));
    IDS(syscall(SYS_setuid, 5));
    IDS(syscall(SYS_setreuid, -1, 0));
    IDS(syscall(SYS_setresuid, 3, 4, 5));
    IDS(syscall(SYS_setreuid, 1000, 2000));
    IDS(syscall(SYS_setreuid, 2000, 1000));
    IDS(syscall(SYS_setuid, 2000));
    IDS(syscall(SYS_setuid, -1));
    IDS(setfsuid(1000));
    IDS(setfsuid(0));
    SHOW(syscall(SYS_setgroups, 0, NULL));
}

int main(void)
{
    if (!become_docker_root()) {
        CHECK(geteuid() != 0);
        return guest_result();
    }
    CHECK(chmod(".", 0777) == 0);
    groups();
    files_of_root();
    file_capabilities();
    files_of_another();
    changes();
    return guest_result();
}
