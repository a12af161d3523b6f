/* SPDX-License-Identifier: MIT */
/* Files of /proc that are about the machine: proc_meminfo(5), proc_stat(5), proc_sys(5) .. */

#include <cpuid.h>

#include "core/mem.h"
#include "core/segment.h"
#include "lx/errno.h"
#include "lx/mqueue.h"
#include "plat/plat.h"
#include "proc/proc.h"
#include "vfs/inotify.h"
#include "vfs/tty.h"

#define HZ 100ull
#define NS_PER_S 1000000000ull

typedef unsigned long long ull;

#define TEXT(name, ...)                                               \
    static int name(const struct vfs_proc_id *id, struct vfs_text *t) \
    {                                                                 \
        (void)id;                                                     \
        vfs_text_f(t, __VA_ARGS__);                                   \
        return 0;                                                     \
    }
TEXT(version, "Linux version " PROC_RELEASE " (tarbox@tarbox) (gcc) " PROC_OSVERSION "\n")
TEXT(boot_cmdline, "\n")
TEXT(filesystems,
     "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tcgroup2\nnodev\tdevpts\nnodev\tmqueue\n")
TEXT(swaps, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")
TEXT(pid_max, "%d\n", SHIM_PID_MAX)
TEXT(threads_max, "%u\n", SHIM_SLOT_COUNT)
TEXT(hostname, "%s\n", shim_container()->hostname)
TEXT(ostype, "Linux\n")
TEXT(osrelease, PROC_RELEASE "\n")
TEXT(osversion, PROC_OSVERSION "\n")
TEXT(cap_last_cap, "40\n")
TEXT(ngroups_max, "65536\n")
TEXT(entropy, "256\n")
TEXT(pty_max, "%u\n", VFS_TTY_MAX)
TEXT(pty_count, "%u\n", vfs_tty_count())
TEXT(pty_reserve, "%u\n", VFS_TTY_RESERVE)
TEXT(yes, "1\n")
TEXT(tty_drivers, "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
                  "/dev/ptmx            /dev/ptmx       5       2 system\n"
                  "pty_slave            /dev/pts      136 0-1048575 pty:slave\n"
                  "pty_master           /dev/ptm      128 0-1048575 pty:master\n")
TEXT(max_map_count, "65530\n")
TEXT(overcommit, "0\n")
TEXT(file_max, "9223372036854775807\n")
TEXT(nr_open, "1048576\n")
TEXT(pipe_max_size, "1048576\n")
TEXT(inotify_events, "%u\n", VFS_INOTIFY_EVENTS)
TEXT(inotify_instances, "%u\n", VFS_INOTIFY_INSTANCES)
TEXT(inotify_watches, "%u\n", VFS_INOTIFY_WATCHES)
TEXT(mqueue_msg_default, "%d\n", LX_MQ_MSG_DEFAULT)
TEXT(mqueue_msg_max, "%d\n", LX_MQ_MSG_MAX)
TEXT(mqueue_msgsize_default, "%d\n", LX_MQ_MSGSIZE_DEFAULT)
TEXT(mqueue_msgsize_max, "%d\n", LX_MQ_MSGSIZE_MAX)
TEXT(mqueue_queues_max, "%u\n", LX_MQ_QUEUES_MAX)
TEXT(buffer_size, "212992\n")
TEXT(somaxconn, "4096\n")
TEXT(port_range, "32768\t60999\n")
TEXT(port_start, "0\n")
TEXT(tcp_fastopen, "1\n") /* the client's side of it */
TEXT(keepalive_time, "7200\n")
#undef TEXT

/* All are of cgroup 2, which has no number, and the container's group is all there is. */
static int cgroups(const struct vfs_proc_id *id, struct vfs_text *t)
{
    static const char *const names[] = {"cpuset", "cpu", "cpuacct", "memory", "pids"};
    (void)id;
    vfs_text_f(t, "#subsys_name\thierarchy\tnum_cgroups\tenabled\n");
    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++)
        vfs_text_f(t, "%s\t0\t1\t1\n", names[i]);
    return 0;
}

static int uptime(const struct vfs_proc_id *id, struct vfs_text *t)
{
    (void)id;
    ull s = plat_uptime_s();
    vfs_text_f(t, "%llu.00 %llu.00\n", s, s); /* Differs from Linux: nobody counts idle time */
    return 0;
}

struct counts {
    uint32_t processes, threads, running;
    int32_t last;
};

static void count(struct counts *n)
{
    struct shim_container *c = shim_container();
    memset(n, 0, sizeof *n);
    core_lock_acquire(&c->lock);
    CORE_LIST_FOR_EACH(node, &c->tasks)
    {
        const struct shim_task *task = CORE_LIST_ENTRY(node, struct shim_task, in_table);
        n->threads++;
        n->processes += task->tid == task->process->pid;
    }
    n->last = c->next_tid - 1;
    shim_container_release(c);
    n->running = 1;
}

/* Differs from Linux: the host's load is not known. */
static int loadavg(const struct vfs_proc_id *id, struct vfs_text *t)
{
    struct counts n;
    (void)id;
    count(&n);
    vfs_text_f(t, "0.00 0.00 0.00 %u/%u %d\n", n.running, n.threads, n.last);
    return 0;
}

static int meminfo(const struct vfs_proc_id *id, struct vfs_text *t)
{
    uint64_t total, available;
    (void)id;
    plat_memory_info(&total, &available);
    static const char *const zeros[] = {
        "Buffers:", "Cached:", "SwapCached:", "Active:", "Inactive:"};
    vfs_text_f(t, "MemTotal:       %8llu kB\nMemFree:        %8llu kB\nMemAvailable:   %8llu kB\n",
               (ull)total / 1024, (ull)available / 1024, (ull)available / 1024);
    for (uint32_t i = 0; i < sizeof zeros / sizeof zeros[0]; i++)
        vfs_text_f(t, "%-15s %8u kB\n", zeros[i], 0u);
    vfs_text_f(t, "SwapTotal:      %8u kB\nSwapFree:       %8u kB\n", 0u, 0u);
    vfs_text_f(t, "Dirty:          %8u kB\nWriteback:      %8u kB\n", 0u, 0u);
    vfs_text_f(t, "Shmem:          %8llu kB\n", (ull)core_page_used() * 4);
    return 0;
}

/* What vmstat(8) asks for: numbers of pages, and of transfers, which nobody counts. */
static int vmstat(const struct vfs_proc_id *id, struct vfs_text *t)
{
    static const char *const zeros[] = {"pgpgin",  "pgpgout", "pswpin",
                                        "pswpout", "pgfault", "pgmajfault"};
    uint64_t total, available;
    (void)id;
    plat_memory_info(&total, &available);
    vfs_text_f(t, "nr_free_pages %llu\n", (ull)available / 4096);
    for (uint32_t i = 0; i < sizeof zeros / sizeof zeros[0]; i++)
        vfs_text_f(t, "%s 0\n", zeros[i]);
    return 0;
}

static int system_stat(const struct vfs_proc_id *id, struct vfs_text *t)
{
    struct counts n;
    (void)id;
    count(&n);
    uint32_t cpus = plat_cpu_count();
    ull up = plat_uptime_s(), now = plat_clock_now(PLAT_CLOCK_REALTIME) / NS_PER_S;
    vfs_text_f(t, "cpu  0 0 0 %llu 0 0 0 0 0 0\n", up * HZ * cpus);
    for (uint32_t i = 0; i < cpus; i++)
        vfs_text_f(t, "cpu%u 0 0 0 %llu 0 0 0 0 0 0\n", i, up * HZ);
    vfs_text_f(t, "intr 0\nctxt 0\nbtime %llu\nprocesses %d\nprocs_running %u\nprocs_blocked 0\n",
               now - up, n.last, n.running);
    vfs_text_f(t, "softirq 0 0 0 0 0 0 0 0 0 0 0\n");
    return 0;
}

/* ---- Processors ---- */

struct cpu {
    char vendor[13], model[49];
    uint32_t family, number, stepping;
    uint32_t edx1, ecx1, ebx7, edx81, ecx81;
};

static void look_at_cpu(struct cpu *c)
{
    uint32_t a, b, ecx, d, level = 0;
    memset(c, 0, sizeof *c);
    __cpuid(0, level, b, ecx, d);
    memcpy(c->vendor, &b, 4);
    memcpy(c->vendor + 4, &d, 4);
    memcpy(c->vendor + 8, &ecx, 4);
    __cpuid(1, a, b, c->ecx1, c->edx1);
    c->stepping = a & 15;
    c->number = (a >> 4 & 15) | (a >> 12 & 0xf0);
    c->family = (a >> 8 & 15) + ((a >> 8 & 15) == 15 ? a >> 20 & 0xff : 0);
    if (level >= 7)
        __cpuid_count(7, 0, a, c->ebx7, ecx, d);
    __cpuid(0x80000000u, level, b, ecx, d);
    if (level >= 0x80000001u)
        __cpuid(0x80000001u, a, b, c->ecx81, c->edx81);
    for (uint32_t i = 0; level >= 0x80000004u && i < 3; i++) {
        uint32_t words[4];
        __cpuid(0x80000002u + i, words[0], words[1], words[2], words[3]);
        memcpy(c->model + 16 * i, words, sizeof words);
    }
}

struct flag {
    uint8_t bit;
    const char *name;
};

static void put_flags(struct vfs_text *t, uint32_t bits, const struct flag *flags, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (bits >> flags[i].bit & 1)
            vfs_text_f(t, " %s", flags[i].name);
    }
}

#define PUT_FLAGS(t, bits, flags) put_flags(t, bits, flags, sizeof(flags) / sizeof((flags)[0]))

/* The features that programs ask for, by their names in Linux' cpufeatures.h. */
static void put_features(struct vfs_text *t, const struct cpu *c)
{
    static const struct flag edx1[] = {
        {0, "fpu"},  {1, "vme"},   {2, "de"},    {3, "pse"},   {4, "tsc"},    {5, "msr"},
        {6, "pae"},  {7, "mce"},   {8, "cx8"},   {9, "apic"},  {11, "sep"},   {12, "mtrr"},
        {13, "pge"}, {14, "mca"},  {15, "cmov"}, {16, "pat"},  {17, "pse36"}, {19, "clflush"},
        {23, "mmx"}, {24, "fxsr"}, {25, "sse"},  {26, "sse2"}, {28, "ht"},
    };
    static const struct flag edx81[] = {
        {11, "syscall"}, {20, "nx"}, {26, "pdpe1gb"}, {27, "rdtscp"}, {29, "lm"},
    };
    static const struct flag ecx1[] = {
        {0, "pni"},     {1, "pclmulqdq"}, {9, "ssse3"},  {12, "fma"},    {13, "cx16"},
        {19, "sse4_1"}, {20, "sse4_2"},   {22, "movbe"}, {23, "popcnt"}, {25, "aes"},
        {26, "xsave"},  {28, "avx"},      {29, "f16c"},  {30, "rdrand"}, {31, "hypervisor"},
    };
    static const struct flag ecx81[] = {{0, "lahf_lm"}, {5, "abm"}, {8, "3dnowprefetch"}};
    static const struct flag ebx7[] = {
        {3, "bmi1"},      {5, "avx2"},      {8, "bmi2"},    {9, "erms"},        {16, "avx512f"},
        {17, "avx512dq"}, {18, "rdseed"},   {19, "adx"},    {21, "avx512ifma"}, {23, "clflushopt"},
        {24, "clwb"},     {28, "avx512cd"}, {29, "sha_ni"}, {30, "avx512bw"},   {31, "avx512vl"},
    };
    PUT_FLAGS(t, c->edx1, edx1);
    PUT_FLAGS(t, c->edx81, edx81);
    PUT_FLAGS(t, c->ecx1, ecx1);
    PUT_FLAGS(t, c->ecx81, ecx81);
    PUT_FLAGS(t, c->ebx7, ebx7);
}

static int cpuinfo(const struct vfs_proc_id *id, struct vfs_text *t)
{
    struct cpu c;
    (void)id;
    look_at_cpu(&c);
    uint32_t cpus = plat_cpu_count();
    const char *model = c.model;
    while (*model == ' ')
        model++;
    for (uint32_t i = 0; i < cpus; i++) {
        vfs_text_f(t, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", i,
                   c.vendor, c.family, c.number);
        vfs_text_f(t, "model name\t: %s\nstepping\t: %u\n", model, c.stepping);
        vfs_text_f(t, "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\n", cpus,
                   i, cpus);
        vfs_text_f(
            t, "apicid\t\t: %u\nfpu\t\t: yes\nfpu_exception\t: yes\nwp\t\t: yes\nflags\t\t:", i);
        put_features(t, &c);
        vfs_text_f(t, "\nclflush size\t: 64\ncache_alignment\t: 64\n\n");
    }
    return 0;
}

/* ---- Identifiers ---- */

static void put_uuid(struct vfs_text *t, const uint8_t b[16])
{
    for (uint32_t i = 0; i < 16; i++) {
        uint8_t byte = i == 6   ? (uint8_t)((b[i] & 0x0f) | 0x40) /* RFC 4122: version 4 */
                       : i == 8 ? (uint8_t)((b[i] & 0x3f) | 0x80)
                                : b[i];
        vfs_text_f(t, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", (uint32_t)byte);
    }
    vfs_text_f(t, "\n");
}

static int uuid(const struct vfs_proc_id *id, struct vfs_text *t)
{
    uint8_t bytes[16];
    (void)id;
    plat_random(bytes, sizeof bytes);
    put_uuid(t, bytes);
    return 0;
}

/* The same for the whole container: made when it is first asked for. */
static int boot_id(const struct vfs_proc_id *id, struct vfs_text *t)
{
    struct shim_container *c = shim_container();
    static const uint8_t none[sizeof c->boot_id];
    uint8_t bytes[sizeof c->boot_id];
    (void)id;
    plat_random(bytes, sizeof bytes);
    core_lock_acquire(&c->lock);
    if (memcmp(c->boot_id, none, sizeof none) == 0)
        memcpy(c->boot_id, bytes, sizeof bytes);
    memcpy(bytes, c->boot_id, sizeof bytes);
    shim_container_release(c);
    put_uuid(t, bytes);
    return 0;
}

proc_render proc_system_render(enum vfs_proc_what what)
{
    static const proc_render table[VFS_PROC_COUNT] = {
        [VFS_PROC_BOOT_CMDLINE] = boot_cmdline,
        [VFS_PROC_CGROUPS] = cgroups,
        [VFS_PROC_CPUINFO] = cpuinfo,
        [VFS_PROC_FILESYSTEMS] = filesystems,
        [VFS_PROC_LOADAVG] = loadavg,
        [VFS_PROC_MEMINFO] = meminfo,
        [VFS_PROC_SYSTEM_STAT] = system_stat,
        [VFS_PROC_SWAPS] = swaps,
        [VFS_PROC_VMSTAT] = vmstat,
        [VFS_PROC_UPTIME] = uptime,
        [VFS_PROC_VERSION] = version,
        [VFS_PROC_FILE_MAX] = file_max,
        [VFS_PROC_NR_OPEN] = nr_open,
        [VFS_PROC_PIPE_MAX_SIZE] = pipe_max_size,
        [VFS_PROC_CAP_LAST_CAP] = cap_last_cap,
        [VFS_PROC_HOSTNAME] = hostname,
        [VFS_PROC_NGROUPS_MAX] = ngroups_max,
        [VFS_PROC_OSRELEASE] = osrelease,
        [VFS_PROC_OSTYPE] = ostype,
        [VFS_PROC_PID_MAX] = pid_max,
        [VFS_PROC_THREADS_MAX] = threads_max,
        [VFS_PROC_OSVERSION] = osversion,
        [VFS_PROC_PTY_MAX] = pty_max,
        [VFS_PROC_PTY_COUNT] = pty_count,
        [VFS_PROC_PTY_RESERVE] = pty_reserve,
        [VFS_PROC_LDISC_AUTOLOAD] = yes,
        [VFS_PROC_LEGACY_TIOCSTI] = yes,
        [VFS_PROC_TTY_DRIVERS] = tty_drivers,
        [VFS_PROC_BOOT_ID] = boot_id,
        [VFS_PROC_UUID] = uuid,
        [VFS_PROC_ENTROPY] = entropy,
        [VFS_PROC_ENTROPY_SIZE] = entropy,
        [VFS_PROC_INOTIFY_EVENTS] = inotify_events,
        [VFS_PROC_INOTIFY_INSTANCES] = inotify_instances,
        [VFS_PROC_INOTIFY_WATCHES] = inotify_watches,
        [VFS_PROC_MQUEUE_MSG_DEFAULT] = mqueue_msg_default,
        [VFS_PROC_MQUEUE_MSG_MAX] = mqueue_msg_max,
        [VFS_PROC_MQUEUE_MSGSIZE_DEFAULT] = mqueue_msgsize_default,
        [VFS_PROC_MQUEUE_MSGSIZE_MAX] = mqueue_msgsize_max,
        [VFS_PROC_MQUEUE_QUEUES_MAX] = mqueue_queues_max,
        [VFS_PROC_BUFFER_DEFAULT] = buffer_size,
        [VFS_PROC_BUFFER_MAX] = buffer_size,
        [VFS_PROC_SEND_BUFFER_DEFAULT] = buffer_size,
        [VFS_PROC_SEND_BUFFER_MAX] = buffer_size,
        [VFS_PROC_SOMAXCONN] = somaxconn,
        [VFS_PROC_PORT_RANGE] = port_range,
        [VFS_PROC_PORT_START] = port_start,
        [VFS_PROC_TCP_FASTOPEN] = tcp_fastopen,
        [VFS_PROC_TCP_KEEPALIVE_TIME] = keepalive_time,
        [VFS_PROC_MAX_MAP_COUNT] = max_map_count,
        [VFS_PROC_OVERCOMMIT] = overcommit,
    };
    return table[what];
}
