/* SPDX-License-Identifier: MIT */
/* Pseudo-terminals: the line discipline by its modes, names, hangups, and what the provider hears. */

#include "vfs/tty.h"

#include "lx/ioctl.h"
#include "lx/poll.h"
#include "lx/signal.h"
#include "sleeper.h"
#include "test.h"
#include "vfs/file.h"

static const struct mkimage_row rows[] = {
    {MKIMAGE_DIR("/dev", 0755)},
};

/* What the provider was told, and what it says. */
static struct {
    struct vfs_fs *fs;
    struct vfs_tty *own;
    uint32_t signals;
    int opened, hangups, refuse;
} g;

static struct vfs_tty *own(void)
{
    return g.own ? vfs_tty_get(g.own) : NULL;
}

static void opened(struct vfs_tty *tty)
{
    (void)tty;
    g.opened++;
}

static int may(struct vfs_tty *tty, int32_t sig)
{
    (void)tty;
    return g.refuse == sig ? -LX_EIO : 0;
}

static void tell(struct vfs_tty *tty, uint32_t set)
{
    (void)tty;
    g.signals |= set;
}

static void hang_up(struct vfs_tty *tty)
{
    (void)tty;
    g.hangups++;
}

static int set_up(void **state)
{
    static const struct vfs_tty_provider provider = {own, opened, may, tell, hang_up};
    (void)state;
    g.own = NULL;
    g.signals = 0;
    g.opened = g.hangups = g.refuse = 0;
    g.fs = mount_rows(rows, COUNT(rows));
    assert_int_equal(vfs_devpts_mount(g.fs), 0);
    vfs_tty_provide(&provider);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vfs_tty_provide(NULL);
    vfs_fs_put(g.fs);
    return 0;
}

static int open_file(const char *path, uint32_t flags, struct vfs_file **out)
{
    const struct vfs_open how = {.flags = flags | LX_O_NONBLOCK};
    return vfs_file_open_path(g.fs, NULL, path, &how, sleeper(0), out);
}

struct pair {
    struct vfs_file *master, *slave;
    struct vfs_tty *tty; /* borrowed */
    char name[32];
};

static struct pair new_pair(void)
{
    struct pair p;
    int is_master;
    assert_int_equal(open_file("/dev/pts/ptmx", LX_O_RDWR, &p.master), 0);
    p.tty = vfs_file_tty(p.master, &is_master);
    assert_true(is_master);
    snprintf(p.name, sizeof p.name, "/dev/pts/%u", vfs_tty_number(p.tty));
    vfs_tty_set_switch(p.master, VFS_TTY_LOCKED, 0);
    assert_int_equal(open_file(p.name, LX_O_RDWR | LX_O_NOCTTY, &p.slave), 0);
    return p;
}

static void end(struct pair p)
{
    vfs_file_put(p.slave);
    vfs_file_put(p.master);
}

/* What a read gives, as a text; "!" if there is nothing. */
static const char *take(struct vfs_file *f)
{
    static char text[256];
    int64_t n = vfs_file_read(f, text, sizeof text - 1, sleeper(0));
    text[n > 0 ? n : 0] = 0;
    return n < 0 ? "!" : text;
}

static void put(struct vfs_file *f, const char *text)
{
    assert_int_equal(vfs_file_write(f, text, strlen(text), sleeper(0)), strlen(text));
}

/* ---- The line discipline ---- */

#define COOKED_I (LX_ICRNL | LX_IXON)
#define COOKED_O (LX_OPOST | LX_ONLCR)
#define COOKED_L \
    (LX_ISIG | LX_ICANON | LX_ECHO | LX_ECHOE | LX_ECHOK | LX_ECHOCTL | LX_ECHOKE | LX_IEXTEN)
#define INT_BIT (1u << (LX_SIGINT - 1))
#define QUIT_BIT (1u << (LX_SIGQUIT - 1))
#define TSTP_BIT (1u << (LX_SIGTSTP - 1))

/* What is typed in these modes shows on the screen and is read so. */
static void what_is_typed(void **state)
{
    static const struct {
        uint32_t iflag, oflag, lflag; /* changed from the cooked ones */
        const char *typed, *screen, *line;
        uint32_t signals;
    } cases[] = {
        {0, 0, 0, "ab\r", "ab\r\n", "ab\n", 0},
        {0, 0, 0, "abx\177c\n", "abx\b \bc\r\n", "abc\n", 0},
        {0, 0, 0, "a\tb\177\177c\n", "a\tb\b \b\b\b\b\b\b\b\bc\r\n", "ac\n", 0},
        {0, 0, 0, "\001\177x\n", "^A\b \b\b \bx\r\n", "x\n", 0},
        {0, 0, 0, "one two\027x\n", "one two\b \b\b \b\b \bx\r\n", "one x\n", 0},
        {0, 0, 0, "gone\025x\n", "gone\b \b\b \b\b \b\b \bx\r\n", "x\n", 0},
        {0, 0, LX_ECHOKE, "gone\025x\n", "gone^U\r\nx\r\n", "x\n", 0},
        {0, 0, LX_ECHOE, "ab\177\n", "ab^?\r\n", "a\n", 0},
        {0, 0, LX_ECHOPRT, "abc\177\177d\n", "abc\\cb/d\r\n", "ad\n", 0},
        {0, 0, 0, "a\026\003b\n", "a^\b^Cb\r\n", "a\003b\n", 0},
        {0, 0, 0, "ab\022c\n", "ab^R\r\nabc\r\n", "abc\n", 0},
        {0, 0, 0, "ab\004", "ab", "ab", 0},
        {0, 0, 0, "\004", "!", "", 0},
        {0, 0, LX_ECHO, "ab\n", "!", "ab\n", 0},
        {0, 0, LX_ECHO | LX_ECHONL, "ab\n", "\r\n", "ab\n", 0},
        {0, 0, LX_ECHOCTL, "\001\n", "\001\r\n", "\001\n", 0},
        {0, LX_ONLCR, 0, "a\n", "a\n", "a\n", 0},
        {LX_ICRNL, 0, 0, "a\rb\n", "a^Mb\r\n", "a\rb\n", 0},
        {LX_IGNCR, 0, 0, "a\rb\n", "ab\r\n", "ab\n", 0},
        {LX_INLCR | LX_ICRNL, 0, LX_ICANON, "a\nb", "a^Mb", "a\rb", 0},
        {LX_ISTRIP, 0, 0, "\341\n", "a\r\n", "a\n", 0},
        {LX_IUCLC, 0, 0, "AB\n", "ab\r\n", "ab\n", 0},
        {LX_IUTF8, 0, 0, "\303\251\177x\n", "\303\251\b \bx\r\n", "x\n", 0},
        {0, 0, 0, "\303\251\177x\n", "\303\251\b \bx\r\n", "\303x\n", 0},
        {LX_PARMRK, 0, 0, "\377\n", "\377\r\n", "\377\377\n", 0},
        {0, 0, 0, "ab\003c\n", "^Cc\r\n", "c\n", INT_BIT},
        {0, 0, LX_NOFLSH, "ab\003c\n", "ab^Cc\r\n", "abc\n", INT_BIT},
        {0, 0, 0, "\034\032\n", "^Z\r\n", "\n", QUIT_BIT | TSTP_BIT},
        {0, 0, LX_ISIG, "\003\n", "^C\r\n", "\003\n", 0},
        {0, 0, LX_ICANON, "ab", "ab", "ab", 0},
        {0, 0, LX_EXTPROC, "ab\177", "!", "ab\177", 0},
    };
    (void)state;
    for (uint32_t i = 0; i < COUNT(cases); i++) {
        struct pair p = new_pair();
        struct lx_termios2 t;
        vfs_tty_termios(p.tty, &t);
        assert_int_equal(t.c_iflag, COOKED_I);
        assert_int_equal(t.c_oflag, COOKED_O);
        assert_int_equal(t.c_lflag, COOKED_L);
        t.c_iflag ^= cases[i].iflag;
        t.c_oflag ^= cases[i].oflag;
        t.c_lflag ^= cases[i].lflag;
        vfs_tty_set_termios(p.tty, &t, 0);
        g.signals = 0;
        put(p.master, cases[i].typed);
        assert_string_equal(take(p.master), cases[i].screen);
        assert_string_equal(take(p.slave), cases[i].line);
        assert_int_equal(g.signals, cases[i].signals);
        end(p);
    }
}

/* What a program writes shows so. */
static void what_is_written(void **state)
{
    static const struct {
        uint32_t oflag; /* changed from the cooked one */
        const char *written, *screen;
    } cases[] = {
        {0, "a\nb", "a\r\nb"},
        {LX_OPOST, "a\nb\t", "a\nb\t"},
        {LX_ONLCR, "a\nb", "a\nb"},
        {LX_OCRNL, "a\rb", "a\nb"},
        {LX_ONOCR, "\rab\r\r", "ab\r"},
        {LX_OLCUC, "ab\341", "AB\301"},
        {LX_XTABS, "ab\tc\td", "ab      c       d"},
        {LX_XTABS | LX_ONLRET | LX_ONLCR, "ab\n\tc", "ab\n        c"},
    };
    (void)state;
    for (uint32_t i = 0; i < COUNT(cases); i++) {
        struct pair p = new_pair();
        struct lx_termios2 t;
        vfs_tty_termios(p.tty, &t);
        t.c_oflag ^= cases[i].oflag;
        vfs_tty_set_termios(p.tty, &t, 0);
        put(p.slave, cases[i].written);
        assert_string_equal(take(p.master), cases[i].screen);
        end(p);
    }
}

/* Bytes become a line when lines are wanted, and a line bytes. */
static void forms_change(void **state)
{
    (void)state;
    struct pair p = new_pair();
    struct lx_termios2 t;
    vfs_tty_termios(p.tty, &t);
    put(p.master, "half");
    assert_string_equal(take(p.slave), "!");
    t.c_lflag &= ~(uint32_t)LX_ICANON;
    vfs_tty_set_termios(p.tty, &t, 0);
    assert_string_equal(take(p.slave), "half");
    put(p.master, "more");
    t.c_lflag |= LX_ICANON;
    vfs_tty_set_termios(p.tty, &t, 0);
    assert_string_equal(take(p.slave), "more");
    put(p.master, "lost");
    vfs_tty_set_termios(p.tty, &t, 1);
    put(p.master, "\n");
    assert_string_equal(take(p.slave), "\n");
    end(p);
}

/* Output stops and goes on; START and STOP act even when there is no room for input. */
static void output_stops(void **state)
{
    static char many[5000];
    (void)state;
    struct pair p = new_pair();
    struct lx_termios2 t;
    put(p.master, "\023");
    assert_int_equal(vfs_file_write(p.slave, "x", 1, sleeper(0)), -LX_EAGAIN);
    put(p.master, "\021");
    put(p.slave, "x");
    assert_string_equal(take(p.master), "x");
    vfs_tty_termios(p.tty, &t);
    t.c_lflag &= ~(uint32_t)(LX_ICANON | LX_ECHO);
    vfs_tty_set_termios(p.tty, &t, 0);
    memset(many, 'm', sizeof many);
    assert_int_equal(vfs_file_write(p.master, many, sizeof many, sleeper(0)), sizeof many);
    put(p.master, "\023");
    assert_int_equal(vfs_file_write(p.slave, "x", 1, sleeper(0)), -LX_EAGAIN);
    int64_t sum = 0, n;
    while ((n = vfs_file_read(p.slave, many, sizeof many, sleeper(0))) > 0)
        sum += n;
    assert_int_equal(sum, sizeof many);
    assert_int_equal(vfs_file_write(p.slave, "x", 1, sleeper(0)), -LX_EAGAIN);
    end(p);
}

/* What the master does not read is limited. */
static void buffers_are_full(void **state)
{
    static char bytes[65536];
    (void)state;
    struct pair p = new_pair();
    int64_t n = vfs_file_write(p.slave, bytes, sizeof bytes, sleeper(0));
    assert_in_range(n, 8192, sizeof bytes - 1);
    assert_int_equal(vfs_file_write(p.slave, bytes, 1, sleeper(0)), -LX_EAGAIN);
    assert_int_equal(vfs_file_poll(p.slave, LX_POLLOUT), 0);
    assert_int_equal(vfs_file_read(p.master, bytes, sizeof bytes, sleeper(0)), 4095);
    assert_int_equal(vfs_file_poll(p.slave, LX_POLLOUT), LX_POLLOUT);
    end(p);
}

/* ---- Names and ends ---- */

static void names_come_and_go(void **state)
{
    (void)state;
    struct vfs_file *f;
    struct lx_stat st;
    struct pair a = new_pair(), b = new_pair();
    assert_string_equal(a.name, "/dev/pts/0");
    assert_string_equal(b.name, "/dev/pts/1");
    assert_int_equal(vfs_file_stat(b.slave, &st), 0);
    assert_int_equal(st.st_rdev, LX_MAKEDEV(136, 1));
    assert_int_equal(st.st_mode, LX_S_IFCHR | 0620);
    assert_int_equal(st.st_gid, 5);
    assert_int_equal(st.st_ino, 4);
    vfs_file_put(a.master);
    assert_int_equal(open_file(a.name, LX_O_RDWR, &f), -LX_ENOENT);
    struct pair c = new_pair();
    assert_string_equal(c.name, "/dev/pts/2"); /* 0 is in use as long as an end is open */
    vfs_file_put(a.slave);
    struct pair d = new_pair();
    assert_string_equal(d.name, "/dev/pts/0");
    end(b);
    end(c);
    end(d);
}

static void locked_ones_stay_closed(void **state)
{
    (void)state;
    struct vfs_file *master, *f;
    assert_int_equal(open_file("/dev/pts/ptmx", LX_O_RDWR, &master), 0);
    assert_int_equal(open_file("/dev/pts/0", LX_O_RDWR, &f), -LX_EIO);
    assert_null(f);
    assert_int_equal(vfs_ptmx_open_peer(master, LX_O_RDWR, &f), -LX_EIO);
    vfs_file_put(master);
    assert_int_equal(g.opened, 0);
}

static void ends_are_noticed(void **state)
{
    (void)state;
    struct pair p = new_pair();
    put(p.slave, "last");
    vfs_file_put(p.slave);
    assert_int_equal(g.hangups, 0);
    assert_string_equal(take(p.master), "last");
    assert_int_equal(vfs_file_read(p.master, p.name, 1, sleeper(0)), -LX_EIO);
    assert_int_equal(vfs_file_poll(p.master, LX_POLLIN), LX_POLLHUP);
    assert_int_equal(open_file(p.name, LX_O_RDONLY, &p.slave), 0);
    assert_int_equal(g.opened, 1); /* without O_NOCTTY, for reading */
    assert_int_equal(vfs_file_poll(p.master, LX_POLLIN), 0);
    vfs_file_put(p.master);
    assert_int_equal(g.hangups, 1);
    assert_int_equal(vfs_file_read(p.slave, p.name, 1, sleeper(0)), 0);
    assert_int_equal(vfs_tty_available(p.slave), -LX_EIO);
    vfs_file_put(p.slave);
}

static void job_control_is_asked(void **state)
{
    (void)state;
    struct pair p = new_pair();
    struct lx_termios2 t;
    char byte;
    put(p.master, "x\n");
    g.refuse = LX_SIGTTIN;
    assert_int_equal(vfs_file_read(p.slave, &byte, 1, sleeper(0)), -LX_EIO);
    g.refuse = LX_SIGTTOU;
    put(p.slave, "x");
    vfs_tty_termios(p.tty, &t);
    t.c_lflag |= LX_TOSTOP;
    vfs_tty_set_termios(p.tty, &t, 0);
    assert_int_equal(vfs_file_write(p.slave, "x", 1, sleeper(0)), -LX_EIO);
    end(p);
}

/* /dev/tty: device 5, 0 is the caller's own. */
static void own_terminal(void **state)
{
    (void)state;
    struct vfs_file *f;
    struct pair p = new_pair();
    assert_int_equal(vfs_tty_open_own(NULL, LX_O_RDWR, &f), -LX_ENXIO);
    g.own = p.tty;
    assert_int_equal(vfs_tree_mknod(g.fs, NULL, "/dev/tty", LX_S_IFCHR | 0666, LX_MAKEDEV(5, 0)),
                     0);
    assert_int_equal(open_file("/dev/tty", LX_O_RDWR | LX_O_NOCTTY, &f), 0);
    put(f, "by another name");
    assert_string_equal(take(p.master), "by another name");
    vfs_file_put(f);
    g.own = NULL;
    end(p);
}

#define tty_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    start_or_exit(&argc, &argv);
    const struct CMUnitTest tests[] = {
        tty_test(what_is_typed),    tty_test(what_is_written),
        tty_test(forms_change),     tty_test(output_stops),
        tty_test(buffers_are_full), tty_test(names_come_and_go),
        tty_test(ends_are_noticed), tty_test(locked_ones_stay_closed),
        tty_test(own_terminal),     tty_test(job_control_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
