/* SPDX-License-Identifier: MIT */
/*
 * /sys and the control group's files.  What depends on the machine is compared with what other
 * calls say of it; natively /sys may be writable, and the control group elsewhere.
 */

#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>

#include "guest.h"

#define CPU "/sys/devices/system/cpu"
#define NODE "/sys/devices/system/node"
#define LO "/sys/class/net/lo"

static char text[1 << 16];
static int under_tarbox;
static int is_read_only;

/* Read a whole file into `text`, terminated; its length or -1. */
static long slurp(const char *path)
{
    int fd = open(path, O_RDONLY);
    long size = 0, n;
    text[0] = 0;
    if (fd < 0)
        return -1;
    while ((n = read(fd, text + size, sizeof text - 1 - (size_t)size)) > 0)
        size += n;
    close(fd);
    text[size] = 0;
    return n < 0 ? -1 : size;
}

static int is_text(const char *path, const char *expected)
{
    return slurp(path) >= 0 && strcmp(text, expected) == 0;
}

/* The number that is all of a file; -1. */
static long number(const char *path)
{
    char *end;
    if (slurp(path) <= 0)
        return -1;
    long n = strtol(text, &end, 0);
    return strcmp(end, "\n") == 0 ? n : -1;
}

/* ---- Sets of processors ---- */

/* A list such as "0-3,8"; its count or -1. */
static int read_list(const char *path, cpu_set_t *set)
{
    CPU_ZERO(set);
    if (slurp(path) < 0)
        return -1;
    for (char *p = text; *p && *p != '\n'; p += *p == ',') {
        long first = strtol(p, &p, 10), last = first;
        if (*p == '-')
            last = strtol(p + 1, &p, 10);
        for (long i = first; i <= last; i++)
            CPU_SET((int)i, set);
    }
    return CPU_COUNT(set);
}

/* A mask such as "f,ffffffff": is it this set? */
static int is_mask(const char *path, const cpu_set_t *set)
{
    cpu_set_t mask;
    int cpu = 0;
    CPU_ZERO(&mask);
    for (long i = slurp(path) - 2; i >= 0; i--) {
        if (text[i] == ',')
            continue;
        int digit = text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10;
        for (int bit = 0; bit < 4; bit++, cpu++) {
            if (digit >> bit & 1)
                CPU_SET(cpu, &mask);
        }
    }
    return CPU_EQUAL(&mask, set);
}

static int is_within(cpu_set_t *set, cpu_set_t *all)
{
    cpu_set_t both;
    CPU_AND(&both, set, all);
    return CPU_EQUAL(&both, set);
}

static const char *cpu_path(int cpu, const char *name)
{
    static char path[2][128];
    static int i;
    i = !i;
    snprintf(path[i], sizeof path[i], CPU "/cpu%d/%s", cpu, name);
    return path[i];
}

static void test_sets(void)
{
    cpu_set_t online, present, possible, mine, cpu_dirs;
    struct dirent *e;
    CHECK(read_list(CPU "/online", &online) > 0);
    CHECK(read_list(CPU "/present", &present) >= CPU_COUNT(&online));
    CHECK(read_list(CPU "/possible", &possible) >= CPU_COUNT(&present));
    int count = get_nprocs_conf(); /* of either, as the C library's version has it */
    CHECK(count == CPU_COUNT(&present) || count == CPU_COUNT(&possible));
    CHECK(is_within(&online, &present) && is_within(&present, &possible));
    CHECK(sched_getaffinity(0, sizeof mine, &mine) == 0 && is_within(&mine, &online));
    CHECK(!under_tarbox || CPU_EQUAL(&mine, &online));
    CHECK(number(CPU "/kernel_max") >= CPU_COUNT(&possible) - 1);
    CHECK(slurp(CPU "/offline") > 0 && slurp(CPU "/isolated") > 0);

    DIR *d = opendir(CPU);
    CPU_ZERO(&cpu_dirs);
    while (d && (e = readdir(d))) {
        int n, size = 0;
        if (sscanf(e->d_name, "cpu%d%n", &n, &size) == 1 && !e->d_name[size]) {
            CHECK(e->d_type == DT_DIR);
            CPU_SET(n, &cpu_dirs);
        }
    }
    closedir(d);
    CHECK(CPU_EQUAL(&cpu_dirs, &present));
}

static void test_topology(void)
{
    cpu_set_t online, one, core, package, set;
    read_list(CPU "/online", &online);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &online))
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        CHECK(number(cpu_path(cpu, "topology/core_id")) >= 0);
        CHECK(number(cpu_path(cpu, "topology/physical_package_id")) >= 0);
        CHECK(number(cpu_path(cpu, "topology/die_id")) >= 0);
        CHECK(read_list(cpu_path(cpu, "topology/core_cpus_list"), &core) > 0);
        CHECK(read_list(cpu_path(cpu, "topology/package_cpus_list"), &package) > 0);
        CHECK(is_within(&one, &core) && is_within(&core, &package) && is_within(&package, &online));
        CHECK(is_mask(cpu_path(cpu, "topology/core_cpus"), &core));
        CHECK(is_mask(cpu_path(cpu, "topology/thread_siblings"), &core));
        CHECK(is_mask(cpu_path(cpu, "topology/package_cpus"), &package));
        CHECK(is_mask(cpu_path(cpu, "topology/core_siblings"), &package));
        CHECK(read_list(cpu_path(cpu, "topology/thread_siblings_list"), &set) > 0);
        CHECK(CPU_EQUAL(&set, &core));
        CHECK(read_list(cpu_path(cpu, "topology/core_siblings_list"), &set) > 0);
        CHECK(CPU_EQUAL(&set, &package));
        CHECK(cpu == 0 || is_text(cpu_path(cpu, "online"), "1\n"));
    }
    CHECK_ERROR(open(CPU "/cpu00/topology/core_id", O_RDONLY), ENOENT);
    CHECK_ERROR(open(CPU "/cpu1000000/topology/core_id", O_RDONLY), ENOENT);
    CHECK_ERROR(open(CPU "/cpu/topology", O_RDONLY), ENOENT);
    CHECK_ERROR(open(CPU "/0/topology", O_RDONLY), ENOENT);
}

static void test_node(void)
{
    cpu_set_t cpus, set;
    unsigned long total;
    struct sysinfo info;
    char target[64];
    if (!under_tarbox && access(NODE "/node0", F_OK) < 0)
        return; /* a kernel without CONFIG_NUMA */
    CHECK(read_list(NODE "/online", &set) > 0 && CPU_ISSET(0, &set));
    CHECK(read_list(NODE "/possible", &set) > 0 && CPU_ISSET(0, &set));
    CHECK(read_list(NODE "/node0/cpulist", &cpus) > 0 && is_mask(NODE "/node0/cpumap", &cpus));
    CHECK(slurp(NODE "/node0/meminfo") > 0);
    CHECK(sscanf(text, "Node 0 MemTotal: %lu kB\nNode 0 MemFree: ", &total) == 1);
    CHECK(sysinfo(&info) == 0 && total <= info.totalram * info.mem_unit / 1024);
    CHECK(!under_tarbox || total == info.totalram * info.mem_unit / 1024);
    ssize_t n = readlink(NODE "/node0/cpu0", target, sizeof target);
    printf("%.*s\n", (int)n, target);
    CHECK(readlink(NODE "/node0/cpu0", target, 3) == 3);
    CHECK(number(NODE "/node0/cpu0/topology/core_id") == number(CPU "/cpu0/topology/core_id"));
    CHECK(slurp(NODE "/node0/distance") > 0 && strncmp(text, "10", 2) == 0);
    CHECK(access(CPU "/cpu0/node0/distance", F_OK) == 0);
}

/* ---- The loopback ---- */

static void test_loopback(void)
{
    static const char *const same[] = {
        "addr_assign_type", "addr_len", "address",    "broadcast",    "carrier", "carrier_changes",
        "dev_id",           "dev_port", "dormant",    "flags",        "ifalias", "ifindex",
        "iflink",           "mtu",      "link_mode",  "netdev_group", "type",    "operstate",
        "tx_queue_len",     "uevent",   "proto_down",
    };
    static const char *const counted[] = {"rx_bytes",  "rx_packets", "tx_bytes",   "tx_packets",
                                          "rx_errors", "tx_errors",  "collisions", "multicast"};
    char path[128], target[128];
    struct ifreq r = {.ifr_name = "lo"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        snprintf(path, sizeof path, LO "/%s", same[i]);
        CHECK(slurp(path) >= 0);
        printf("%s: %s", same[i], text);
    }
    for (size_t i = 0; i < sizeof counted / sizeof counted[0]; i++) {
        snprintf(path, sizeof path, LO "/statistics/%s", counted[i]);
        CHECK(number(path) >= 0);
    }
    ssize_t n = readlink(LO, target, sizeof target);
    printf("\n%.*s\n", (int)n, target);
    n = readlink(LO "/subsystem", target, sizeof target);
    printf("%.*s\n", (int)n, target);
    CHECK(realpath(LO "/subsystem/lo", target) != NULL);
    printf("%s\n", target);
    int fd = open(LO "/speed", O_RDONLY);
    CHECK_ERROR(read(fd, target, sizeof target), EINVAL);
    close(fd);

    fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(ioctl(fd, SIOCGIFMTU, &r) == 0 && r.ifr_mtu == number(LO "/mtu"));
    CHECK(ioctl(fd, SIOCGIFINDEX, &r) == 0 && r.ifr_ifindex == number(LO "/ifindex"));
    CHECK(ioctl(fd, SIOCGIFTXQLEN, &r) == 0 && r.ifr_qlen == number(LO "/tx_queue_len"));
    CHECK(ioctl(fd, SIOCGIFHWADDR, &r) == 0 && r.ifr_hwaddr.sa_family == number(LO "/type"));
    CHECK(ioctl(fd, SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & ~IFF_RUNNING) == number(LO "/flags"));
    close(fd);
}

/* ---- sysfs as a file system ---- */

static void test_attributes(void)
{
    struct stat st, st2;
    struct statfs fs;
    char cwd[128], piece[64];
    CHECK(statfs("/sys", &fs) == 0 && fs.f_type == 0x62656572);
    CHECK(statfs(CPU "/online", &fs) == 0 && fs.f_type == 0x62656572 && fs.f_blocks == 0);
    CHECK(stat("/sys", &st) == 0 && stat(CPU "/online", &st2) == 0);
    CHECK(st.st_dev == st2.st_dev && st.st_ino != st2.st_ino);
    printf("%o %o %ld %ld\n", st.st_mode, st2.st_mode, (long)st2.st_size, (long)st2.st_nlink);
    CHECK(lstat(LO, &st) == 0 && S_ISLNK(st.st_mode) && st.st_size == 0);
    CHECK(stat(LO "/mtu", &st) == 0 && stat("/sys/devices/virtual/net/lo/mtu", &st2) == 0);
    CHECK(st.st_ino == st2.st_ino && st.st_uid == 0 && st.st_gid == 0 && st.st_blocks == 0);
    printf("%o\n", st.st_mode);

    CHECK(chdir(CPU "/cpu0/topology") == 0 && getcwd(cwd, sizeof cwd) != NULL);
    printf("%s\n", cwd);
    CHECK(stat("..", &st) == 0 && stat(CPU "/cpu0", &st2) == 0 && st.st_ino == st2.st_ino);
    CHECK(chdir("../../../../system/cpu/..") == 0 && getcwd(cwd, sizeof cwd) != NULL);
    printf("%s\n", cwd);
    int fd = open(CPU "/cpu0/topology/core_id", O_RDONLY);
    snprintf(piece, sizeof piece, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(piece, cwd, sizeof cwd);
    printf("%.*s\n", (int)n, cwd);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == ENODEV);
    close(fd);
    CHECK(chdir("/") == 0);

    fd = open(LO "/uevent", O_RDONLY);
    CHECK(read(fd, piece, 3) == 3 && read(fd, piece + 3, sizeof piece - 3) == 20);
    CHECK(memcmp(piece, "INTERFACE=lo\nIFINDEX=1\n", 23) == 0);
    CHECK(read(fd, piece, sizeof piece) == 0 && pread(fd, piece, 5, 10) == 5);
    CHECK(memcmp(piece, "lo\nIF", 5) == 0 && pread(fd, piece, 5, 5000) == 0);
    CHECK(lseek(fd, 0, SEEK_SET) == 0 && read(fd, piece, sizeof piece) == 23);
    close(fd);
}

/* Every name of a directory, and of those below: what a listing says of it is so. */
static void look_at_all(const char *path, int depth, int *count)
{
    struct dirent *e;
    struct stat st, own;
    char name[PATH_MAX];
    unsigned long dirs = 2;
    DIR *d = opendir(path);
    CHECK(d && fstat(dirfd(d), &own) == 0);
    while (d && (e = readdir(d))) {
        if (e->d_name[0] == '.')
            continue;
        CHECK(fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0);
        CHECK(st.st_mode >> 12 == e->d_type);
        CHECK(st.st_ino == e->d_ino || st.st_dev != own.st_dev); /* what is covered is listed */
        dirs += S_ISDIR(st.st_mode);
        ++*count;
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        if (S_ISDIR(st.st_mode) && depth)
            look_at_all(name, depth - 1, count);
        if (under_tarbox && S_ISREG(st.st_mode) && slurp(name) < 0)
            CHECK(errno == EINVAL && (strstr(name, "speed") || strstr(name, "duplex")));
    }
    CHECK(own.st_nlink == dirs);
    closedir(d);
}

static void test_listing(void)
{
    static const char *const there[] = {
        "block", "bus", "class", "dev", "devices", "firmware", "fs", "kernel", "module", "power",
    };
    struct stat st;
    char path[64];
    int count = 0;
    for (size_t i = 0; i < sizeof there / sizeof there[0]; i++) {
        snprintf(path, sizeof path, "/sys/%s", there[i]);
        CHECK(stat(path, &st) == 0 && S_ISDIR(st.st_mode));
    }
    look_at_all(CPU "/cpu0/topology", 0, &count);
    CHECK(count >= 10);
    look_at_all(LO, 1, &count);
    if (under_tarbox)
        look_at_all("/sys", 20, &count);
}

/* Nothing can be changed: for want of a call, or since it is mounted so. */
static void test_changes(void)
{
    int fd;
    CHECK_ERROR(mkdir("/sys/x", 0777), is_read_only ? EROFS : geteuid() ? EACCES : EPERM);
    CHECK_ERROR(mkdir("/sys/kernel", 0777), EEXIST);
    CHECK_ERROR(open("/sys/x", O_CREAT | O_RDWR, 0666), is_read_only ? EROFS : EACCES);
    CHECK_ERROR(open("/sys/kernel/x", O_CREAT | O_EXCL | O_RDWR, 0666),
                is_read_only ? EROFS : EACCES);
    CHECK_ERROR(open("/sys/x", O_RDONLY), ENOENT);
    CHECK_ERROR(open("/sys/kernel", O_WRONLY), EISDIR);
    CHECK_ERROR(open("/sys/kernel/", O_CREAT | O_RDONLY, 0666), EISDIR);
    CHECK_ERROR(rmdir("/sys"), EBUSY);
    CHECK_ERROR(rename("/sys/kernel", "/tmp/x"), EXDEV);
    fd = open(CPU "/online", O_RDONLY);
    CHECK_ERROR(write(fd, "0", 1), EBADF);
    CHECK_ERROR(read(fd, (void *)1, 10), EFAULT);
    close(fd);
    if (!is_read_only)
        return;
    CHECK_ERROR(open(LO "/mtu", O_WRONLY), EROFS);
    CHECK_ERROR(open(LO "/mtu", O_RDWR | O_TRUNC), EROFS);
    CHECK_ERROR(truncate(LO "/mtu", 0), EROFS);
    CHECK_ERROR(access(LO "/mtu", W_OK), EROFS);
    CHECK(access(LO "/mtu", R_OK) == 0);
    CHECK_ERROR(access(LO "/mtu", X_OK), EACCES);
    CHECK_ERROR(unlink(LO "/mtu"), EROFS);
    CHECK_ERROR(rmdir("/sys/power"), EROFS);
    CHECK_ERROR(symlink("x", "/sys/x"), EROFS);
    CHECK_ERROR(mknod("/sys/x", S_IFIFO | 0600, 0), EROFS);
    CHECK_ERROR(rename("/sys/power", "/sys/x"), EROFS);
    CHECK_ERROR(chmod(LO "/mtu", 0666), EROFS);
    CHECK_ERROR(chown(LO "/mtu", 1, 1), EROFS);
    CHECK_ERROR(utimensat(AT_FDCWD, LO "/mtu", NULL, 0), EROFS);
}

/* ---- Mounts ---- */

/* The options of a file system's last mount in /proc/self/mounts, and where that is. */
static int find_mount(const char *type, char at[256], char options[256])
{
    char source[256], is[64], where[256], how[256];
    int found = 0;
    slurp("/proc/self/mounts");
    for (char *line = text; *line; line = strchr(line, '\n') + 1) {
        if (sscanf(line, "%255s %255s %63s %255s ", source, where, is, how) != 4 ||
            strcmp(is, type) != 0)
            continue;
        strcpy(at, where);
        strcpy(options, how);
        found = 1;
    }
    return found;
}

static void test_mounts(void)
{
    char at[256], options[256];
    int id, sys_id = -1, cgroup_parent = -1, parent, major, minor;
    CHECK(slurp("/proc/filesystems") > 0);
    CHECK(strstr(text, "nodev\tsysfs\n") && strstr(text, "nodev\tcgroup2\n"));
    CHECK(find_mount("sysfs", at, options) && strcmp(at, "/sys") == 0);
    CHECK(slurp("/proc/self/mountinfo") > 0);
    for (char *line = text; *line; line = strchr(line, '\n') + 1) {
        CHECK(sscanf(line, "%d %d %d:%d / %255s ", &id, &parent, &major, &minor, at) >= 4);
        if (strcmp(at, "/sys") == 0)
            sys_id = id;
        if (strcmp(at, "/sys/fs/cgroup") == 0)
            cgroup_parent = parent;
    }
    CHECK(sys_id == cgroup_parent || !under_tarbox);
}

/* ---- The control group ---- */

static int says(const char *name, const char *expected)
{
    char path[128];
    snprintf(path, sizeof path, "/sys/fs/cgroup/%s", name);
    return is_text(path, expected);
}

/* A value in a file of keys and values. */
static long value_of(const char *name, const char *key)
{
    char path[128];
    snprintf(path, sizeof path, "/sys/fs/cgroup/%s", name);
    slurp(path);
    const char *at = strstr(text, key);
    return at ? atol(at + strlen(key)) : -1;
}

static int has_pid(const char *path, int pid)
{
    slurp(path);
    for (char *p = text; *p; p = strchr(p, '\n') + 1) {
        if (atoi(p) == pid)
            return 1;
    }
    return 0;
}

#define MIB (1l << 20)

static void test_control_group(void)
{
    struct statfs fs;
    struct stat st, st2;
    char path[300], at[256], options[256], own[256] = "";
    CHECK(slurp("/proc/self/cgroup") > 0);
    const char *line = strstr(text, "0::");
    if (line)
        sscanf(line, "0::%255s", own);
    CHECK(own[0] == '/' || !under_tarbox);
    CHECK(slurp("/proc/cgroups") > 0);
    CHECK(strncmp(text, "#subsys_name\thierarchy\tnum_cgroups\tenabled\n", 43) == 0);
    if (!find_mount("cgroup2", at, options) || access(at, F_OK) < 0) {
        CHECK(!under_tarbox);
        return;
    }
    CHECK(statfs(at, &fs) == 0 && fs.f_type == 0x63677270);
    snprintf(path, sizeof path, "%.*s%.40s/cgroup.procs", 200, at, own[1] ? own : "");
    CHECK(stat(path, &st) < 0 || (has_pid(path, getpid()) && st.st_size == 0));
    if (!under_tarbox)
        return;

    CHECK(strcmp(at, "/sys/fs/cgroup") == 0 && strcmp(own, "/") == 0);
    CHECK(strncmp(options, "ro,nosuid,nodev,noexec,relatime", 31) == 0);
    CHECK(stat(at, &st) == 0 && stat("/sys", &st2) == 0 && st.st_dev != st2.st_dev);
    CHECK(stat("/sys/fs/cgroup/..", &st) == 0 && st.st_dev == st2.st_dev);
    CHECK(stat("/sys/fs", &st2) == 0 && st.st_ino == st2.st_ino);
    CHECK(chdir(at) == 0 && getcwd(path, sizeof path) && strcmp(path, at) == 0 && chdir("/") == 0);
    CHECK(says("cgroup.controllers", "cpuset cpu memory pids\n"));
    CHECK(says("cgroup.type", "domain\n") && says("cgroup.subtree_control", ""));
    CHECK(value_of("cgroup.events", "populated ") == 1);
    CHECK(says("cpu.max", "max 100000\n") && says("cpu.weight", "100\n"));
    CHECK(says("memory.max", "max\n") && says("memory.high", "max\n"));
    CHECK(says("memory.swap.max", "max\n") && value_of("memory.events", "oom_kill ") == 0);
    CHECK(says("pids.max", "2048\n") && says("pids.current", "1\n"));
    CHECK_ERROR(mkdir("/sys/fs/cgroup/x", 0777), EROFS);
    CHECK_ERROR(open("/sys/fs/cgroup/cgroup.procs", O_WRONLY), EROFS);
    CHECK_ERROR(rmdir("/sys/fs/cgroup"), EROFS);
    CHECK_ERROR(rename("/sys/fs/cgroup/cpu.max", "/sys/fs/x"), EXDEV);

    long before = number("/sys/fs/cgroup/memory.current");
    char *p = mmap(NULL, 8 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(p, 1, 8 * MIB);
    CHECK(before > 0 && number("/sys/fs/cgroup/memory.current") >= before + 8 * MIB);
    CHECK(value_of("memory.stat", "anon ") >= 8 * MIB);
    munmap(p, 8 * MIB);
    CHECK(number("/sys/fs/cgroup/memory.current") < before + 8 * MIB);
}

/* A child is counted, and its time, while it lives and once it has been waited for. */
static void test_members(void)
{
    int says_ready[2], hears[2];
    char c;
    if (!under_tarbox)
        return;
    CHECK(pipe(says_ready) == 0 && pipe(hears) == 0);
    long before = value_of("cpu.stat", "usage_usec ");
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct timespec used;
        do
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
        while (used.tv_sec == 0 && used.tv_nsec < 200000000);
        CHECK(write(says_ready[1], "x", 1) == 1 && read(hears[0], &c, 1) == 1);
        _exit(0);
    }
    CHECK(read(says_ready[0], &c, 1) == 1);
    CHECK(has_pid("/sys/fs/cgroup/cgroup.procs", pid));
    CHECK(has_pid("/sys/fs/cgroup/cgroup.threads", pid));
    CHECK(says("pids.current", "2\n"));
    CHECK(value_of("cpu.stat", "usage_usec ") >= before + 100000 || guest_on_wine());
    CHECK(write(hears[1], "x", 1) == 1 && waitpid(pid, NULL, 0) == pid);
    CHECK(!has_pid("/sys/fs/cgroup/cgroup.procs", pid));
    CHECK(value_of("cpu.stat", "usage_usec ") >= before + 100000);
    SOON(says("pids.current", "1\n"));
}

static void test_kernel(void)
{
    if (!under_tarbox)
        return;
    CHECK(is_text("/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n"));
    CHECK(number("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size") == 2 * MIB);
    CHECK(access("/sys/kernel/mm/hugepages", R_OK | X_OK) == 0);
    CHECK(is_text(CPU "/offline", "\n") && is_text(CPU "/smt/active", "0\n"));
    CHECK(access(CPU "/cpu0/online", F_OK) == -1 && errno == ENOENT);
}

int main(void)
{
    char at[256], options[256];
    under_tarbox = find_mount("tarbox", at, options);
    is_read_only = find_mount("sysfs", at, options) && strncmp(options, "ro", 2) == 0;
    CHECK(is_read_only || !under_tarbox);
    test_sets();
    test_topology();
    test_node();
    test_loopback();
    test_attributes();
    test_listing();
    test_changes();
    test_mounts();
    test_control_group();
    test_members();
    test_kernel();
    return guest_result();
}
