/* SPDX-License-Identifier: MIT */
/* uname(2), sysinfo(2), getrandom(2), arch_prctl(2), wait4(2), statfs(2), and other small ones. */

#include <asm/prctl.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "guest.h"

static void system_facts(void)
{
    struct utsname u;
    struct sysinfo s;
    struct statfs fs;
    CHECK(uname(&u) == 0);
    printf("%s %s\n", u.sysname, u.machine);
    CHECK(atoi(u.release) >= 4 && strchr(u.release, '.') && u.version[0] == '#' && u.nodename[0]);
    CHECK_ERROR(syscall(SYS_uname, 8), EFAULT);

    CHECK(sysinfo(&s) == 0);
    CHECK(s.mem_unit >= 1 && s.totalram > 0 && s.freeram <= s.totalram && s.procs >= 1);
    CHECK(s.uptime > 0);
    CHECK(sysconf(_SC_PAGESIZE) == 4096 && sysconf(_SC_CLK_TCK) == 100);

    CHECK(statfs(".", &fs) == 0 && fs.f_bsize >= 512 && fs.f_namelen == 255);
    CHECK(fs.f_blocks >= fs.f_bfree && fs.f_bavail <= fs.f_bfree);
    CHECK_ERROR(statfs("none", &fs), ENOENT);
    int fd = open(".", O_RDONLY);
    CHECK(fstatfs(fd, &fs) == 0 && fs.f_namelen == 255);
    close(fd);
}

static void randomness(void)
{
    unsigned char a[1000] = {0}, b[1000] = {0};
    CHECK(getrandom(a, sizeof a, 0) == sizeof a);
    CHECK(getrandom(b, sizeof b, GRND_NONBLOCK) == sizeof b);
    CHECK(memcmp(a, b, sizeof a) != 0);
    unsigned zeros = 0;
    for (size_t i = 0; i < sizeof a; i++)
        zeros += a[i] == 0;
    CHECK(zeros < 50);
    CHECK(getrandom(a, 0, 0) == 0);
    CHECK_ERROR(getrandom(a, 1, 0x100), EINVAL);
    CHECK_ERROR(syscall(SYS_getrandom, 8, 16, 0), EFAULT);
}

/* The FS base is the thread pointer, whose first word is itself. */
static void bases(void)
{
    uint64_t fs = 0, gs = 1, self;
    __asm__("mov %%fs:0, %0" : "=r"(self));
    CHECK(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs) == 0 && fs == self);
    CHECK(syscall(SYS_arch_prctl, ARCH_GET_GS, &gs) == 0 && gs == 0);
    CHECK_ERROR(syscall(SYS_arch_prctl, 0x9999, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_arch_prctl, ARCH_SET_FS, UINT64_C(0x8000000000000000)), EPERM);
    CHECK_ERROR(syscall(SYS_arch_prctl, ARCH_GET_FS, 8), EFAULT);
}

static void no_children(void)
{
    int status;
    CHECK_ERROR(waitpid(-1, &status, WNOHANG), ECHILD);
    CHECK_ERROR(waitpid(getpid(), &status, 0), ECHILD);
    CHECK_ERROR(wait4(-1, &status, 0x10000, NULL), EINVAL);
    siginfo_t info;
    CHECK_ERROR(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
}

static void devices(void)
{
    char buf[64];
    int fd = open("/dev/null", O_RDWR);
    if (fd < 0)
        return; /* an empty root has none */
    CHECK(read(fd, buf, sizeof buf) == 0 && write(fd, buf, sizeof buf) == sizeof buf);
    close(fd);
    fd = open("/dev/zero", O_RDWR);
    memset(buf, 1, sizeof buf);
    CHECK(read(fd, buf, sizeof buf) == sizeof buf && buf[0] == 0 && buf[63] == 0);
    CHECK(write(fd, buf, sizeof buf) == sizeof buf);
    close(fd);
    fd = open("/dev/full", O_RDWR);
    CHECK(read(fd, buf, sizeof buf) == sizeof buf);
    CHECK_ERROR(write(fd, buf, sizeof buf), ENOSPC);
    close(fd);
    fd = open("/dev/urandom", O_RDONLY);
    CHECK(read(fd, buf, sizeof buf) == sizeof buf);
    close(fd);
}

int main(void)
{
    system_facts();
    randomness();
    bases();
    no_children();
    devices();
    return guest_result();
}
