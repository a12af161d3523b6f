/* SPDX-License-Identifier: MIT */
/*
 * Random modes, input and output of a pseudo-terminal: what both ends read, what is ready and
 * which signals come.  Everything is printed, so that the native run says what is right.
 *
 *   tty_random SEED
 */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>

#include "guest.h"

#define STEPS 500
#define SETTLE_US 3000 /* in which the kernel's workers move bytes from one end to the other */
#define MOST 5000      /* bytes on their way: what Linux has room for beyond depends on more */

static uint64_t g_state;
static int g_master, g_slave;
static long g_typed; /* since the terminal was read empty */
static volatile sig_atomic_t g_signals[32];

static uint32_t any(uint32_t below)
{
    g_state ^= g_state << 13;
    g_state ^= g_state >> 7;
    g_state ^= g_state << 17;
    return (uint32_t)(g_state >> 20) % below;
}

static void note(int sig)
{
    g_signals[sig]++;
}

/* ---- Printing ---- */

static void print_bytes(const char *what, const unsigned char *bytes, long size)
{
    printf(" %s", what);
    if (size < 0) {
        printf("=%s", strerrorname_np(errno));
        return;
    }
    printf("[%ld]", size);
    for (long i = 0; i < size; i++) {
        if (i == 200 && size > 400)
            i = size - 200;
        if (bytes[i] > ' ' && bytes[i] < 0x7f && bytes[i] != '\\')
            putchar(bytes[i]);
        else
            printf("\\%02x", bytes[i]);
    }
}

static void print_state(void)
{
    struct pollfd p[2] = {{g_master, POLLIN | POLLOUT | POLLPRI, 0},
                          {g_slave, POLLIN | POLLOUT | POLLPRI, 0}};
    int waits = -1;
    poll(p, 2, 0);
    ioctl(g_slave, FIONREAD, &waits);
    printf(" ready %x %x count %d", (unsigned)p[0].revents, (unsigned)p[1].revents, waits);
    for (int sig = 1; sig < 32; sig++) {
        if (g_signals[sig])
            printf(" %s*%d", sigabbrev_np(sig), g_signals[sig]);
        g_signals[sig] = 0;
    }
    printf("\n");
}

/* ---- Modes ---- */

static void change(tcflag_t *flags, const tcflag_t *which, unsigned count, unsigned chance)
{
    for (unsigned i = 0; i < count; i++) {
        if (!any(chance))
            *flags ^= which[i];
    }
}

static void set_modes(void)
{
    static const tcflag_t input[] = {ISTRIP, INLCR, IGNCR, ICRNL,  IUCLC,  IXON,
                                     IXANY,  IXOFF, IUTF8, PARMRK, IGNBRK, BRKINT};
    static const tcflag_t output[] = {OPOST, OLCUC, ONLCR, OCRNL, ONOCR, ONLRET, XTABS};
    static const tcflag_t local[] = {ISIG,   ICANON,  ECHO,    ECHOE,  ECHOK,  ECHONL,
                                     NOFLSH, ECHOCTL, ECHOPRT, ECHOKE, IEXTEN, EXTPROC};
    static const int actions[] = {TCSANOW, TCSADRAIN, TCSAFLUSH};
    static const unsigned char characters[] = {0, 3, 4, 8, 17, 19, 21, 22, 23, 'x', 'Q', 127, '\t'};
    struct termios t;
    tcgetattr(g_slave, &t);
    unsigned chance = any(4) ? 12 : 2;
    change(&t.c_iflag, input, sizeof input / sizeof input[0], chance);
    change(&t.c_oflag, output, sizeof output / sizeof output[0], chance);
    change(&t.c_lflag, local, sizeof local / sizeof local[0], chance);
    if (any(8)) /* it is rare, and hides much */
        t.c_lflag &= ~(tcflag_t)EXTPROC;
    if (!any(3))
        t.c_lflag |= ICANON | ECHO;
    if (!any(6))
        t.c_cc[any(17)] = characters[any(sizeof characters)];
    t.c_cc[VMIN] = (unsigned char)any(5);
    t.c_cc[VTIME] = (unsigned char)any(2);
    int action = actions[any(3)];
    if (action == TCSAFLUSH)
        g_typed = 0;
    int result = tcsetattr(any(2) ? g_slave : g_master, action, &t);
    printf("modes %d %o %o %o", result, t.c_iflag, t.c_oflag, t.c_lflag);
    for (int i = 0; i < 17; i++)
        printf(" %d", t.c_cc[i]);
}

/* ---- Bytes ---- */

static unsigned char any_byte(void)
{
    static const unsigned char some[] = {3,    4,    8,    '\t', '\n', '\r', 17,  18,  19,
                                         21,   22,   23,   26,   28,   0,    127, ' ', '_',
                                         0xff, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 1,   27,  7};
    uint32_t kind = any(10);
    return kind < 5   ? (unsigned char)('a' + any(26))
           : kind < 6 ? (unsigned char)('A' + any(26))
           : kind < 9 ? some[any(sizeof some)]
                      : (unsigned char)any(256);
}

static long fill(unsigned char *bytes)
{
    uint32_t kind = any(60);
    long size = kind == 0 ? (long)any(1700) : kind < 5 ? (long)any(200) : 1 + (long)any(16);
    int plain = kind == 0 || !any(3);
    for (long i = 0; i < size; i++)
        bytes[i] = plain ? (unsigned char)('a' + any(26)) : any_byte();
    return size;
}

static void settle(void)
{
    struct pollfd p = {g_slave, POLLIN, 0};
    poll(&p, 1, 0);
    usleep(SETTLE_US);
}

static void type(void)
{
    unsigned char bytes[2000];
    long size = fill(bytes);
    if (g_typed > MOST)
        size = 1;
    g_typed += size;
    print_bytes("type", bytes, size);
    printf(" = %zd", write(g_master, bytes, (size_t)size));
}

static void show(void)
{
    unsigned char bytes[2000];
    long size = fill(bytes);
    print_bytes("show", bytes, size);
    long n = write(g_slave, bytes, (size_t)size);
    printf(" = %ld%s", n, n < 0 ? strerrorname_np(errno) : "");
}

static void read_slave(void)
{
    unsigned char bytes[5000];
    long want = any(3) ? (long)any(20) + 1 : (long)sizeof bytes;
    long n = read(g_slave, bytes, (size_t)want);
    if (n < 0)
        g_typed = 0;
    print_bytes("slave", bytes, n);
}

static void read_master(long want)
{
    unsigned char bytes[5000];
    print_bytes("master", bytes, read(g_master, bytes, (size_t)want));
}

/* Nothing waits behind what the master holds already. */
static void drain_master(void)
{
    int waits = 0;
    settle();
    while (ioctl(g_master, FIONREAD, &waits) == 0 && waits > 2000) {
        read_master(5000);
        settle();
    }
}

static void control(void)
{
    static const int queues[] = {TCIFLUSH, TCOFLUSH, TCIOFLUSH};
    static const int flows[] = {TCOOFF, TCOON, TCIOFF, TCION};
    uint32_t which = any(4);
    int fd = any(4) ? g_slave : g_master, on = any(3) != 0, result = 0;
    if (which == 0) {
        int queue = queues[any(3)];
        result = ioctl(fd, TCFLSH, queue);
        printf("flush %d %d", fd == g_slave, queue);
        if (fd == g_slave && queue != TCOFLUSH)
            g_typed = 0;
    } else if (which == 1) {
        int flow = flows[any(4)];
        result = ioctl(fd, TCXONC, flow);
        if (flow == TCOOFF && any(3)) {
            printf("off and ");
            settle();
            result |= ioctl(fd, TCXONC, TCOON);
            flow = TCOON;
        }
        printf("flow %d %d", fd == g_slave, flow);
    } else if (which == 2) {
        result = ioctl(g_master, TIOCPKT, &on);
        printf("packets %d", on);
    } else {
        char byte = (char)any_byte();
        result = ioctl(g_slave, TIOCSTI, &byte);
        g_typed++;
        printf("sti %02x", (unsigned char)byte);
    }
    printf(" = %d", result);
}

/* ---- The whole ---- */

static void step(int i)
{
    printf("%d", i);
    uint32_t what = any(20);
    if (what < 2) {
        set_modes();
    } else if (what < 9) {
        type();
    } else if (what < 12) {
        show();
    } else if (what < 15) {
        read_slave();
    } else if (what < 19) {
        read_master(any(2) ? 5000 : 1 + (long)any(12));
    } else {
        control();
    }
    drain_master();
    print_state();
}

static int run(uint64_t seed)
{
    char name[32];
    int number, zero = 0;
    g_state = seed * 0x9e3779b97f4a7c15ull + 1;
    setsid();
    g_master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
    CHECK(g_master >= 0);
    CHECK(ioctl(g_master, TIOCSPTLCK, &zero) == 0);
    CHECK(ioctl(g_master, TIOCGPTN, &number) == 0);
    snprintf(name, sizeof name, "/dev/pts/%d", number);
    g_slave = open(name, O_RDWR | O_NONBLOCK);
    CHECK(g_slave >= 0);
    for (int sig = 1; sig < 32; sig++)
        if (sig != SIGKILL && sig != SIGSTOP && sig != SIGSEGV && sig != SIGPIPE)
            signal(sig, note);
    for (int i = 0; i < STEPS && !guest_failures; i++)
        step(i);
    signal(SIGHUP, SIG_IGN); /* the session ends with its terminal */
    return guest_result();
}

/*
 * Run it in a process of its own, printing to a file in memory.  Twice at once: on a loaded machine
 * the kernel's workers may be late, but hardly in both at the same step.
 */
static pid_t begin(uint64_t seed, int *out)
{
    *out = memfd_create("output", 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(*out, STDOUT_FILENO);
        exit(run(seed));
    }
    return child;
}

static char *output_of(pid_t child, int fd, long *size)
{
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    *size = lseek(fd, 0, SEEK_END);
    char *text = malloc((size_t)*size + 1);
    CHECK(pread(fd, text, (size_t)*size, 0) == *size);
    close(fd);
    return text;
}

static int agree(uint64_t seed)
{
    int fds[2];
    long sizes[2];
    pid_t one = begin(seed, &fds[0]), other = begin(seed, &fds[1]);
    char *a = output_of(one, fds[0], &sizes[0]), *b = output_of(other, fds[1], &sizes[1]);
    int same = sizes[0] == sizes[1] && memcmp(a, b, (size_t)sizes[0]) == 0;
    if (same)
        fwrite(a, 1, (size_t)sizes[0], stdout);
    free(a);
    free(b);
    return same;
}

int main(int argc, char **argv)
{
    uint64_t seed = strtoull(argc > 1 ? argv[1] : "1", NULL, 10);
    int same = 0;
    setvbuf(stdout, NULL, _IOFBF, 1 << 20);
    for (int i = 0; i < 5 && !same && !guest_failures; i++)
        same = agree(seed);
    CHECK(same);
    return guest_result();
}
