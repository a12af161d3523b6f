/* SPDX-License-Identifier: MIT */
/* ioctl(2) on terminals and their masters: ioctl_tty(2). */

#include "vfs/tty.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/ioctl.h"
#include "lx/signal.h"
#include "plat/plat.h"
#include "shim/process.h"
#include "shim/signal.h"
#include "shim/syscall.h"
#include "shim/terminal.h"
#include "sys/file.h"

#define N_TTY 0 /* the line discipline that there is */

/* A request on the way through the table. */
struct control {
    struct shim_task *t;
    struct vfs_file *file;
    struct vfs_tty *tty;
    int is_master;
    uint32_t request;
    lx_uptr arg;
};

static int64_t put_int(const struct control *c, int32_t value)
{
    return shim_copy_out(c->arg, &value, sizeof value);
}

/* ---- Modes ---- */

static uint32_t speed_of(uint32_t code, uint32_t other)
{
    static const uint32_t speeds[] = {
        0,       50,      75,      110,     134,     150,     200,     300,
        600,     1200,    1800,    2400,    4800,    9600,    19200,   38400,
        57600,   115200,  230400,  460800,  500000,  576000,  921600,  1000000,
        1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000,
    };
    if (code == LX_BOTHER)
        return other;
    if (code & LX_BOTHER)
        code = (code & ~(uint32_t)LX_BOTHER) + LX_B38400;
    return code < sizeof speeds / sizeof speeds[0] ? speeds[code] : 0;
}

/* The speeds follow from the old codes, unless those say that they do not. */
static void set_speeds(struct lx_termios2 *t)
{
    uint32_t out = t->c_cflag & LX_CBAUD, in = t->c_cflag >> LX_IBSHIFT & LX_CBAUD;
    uint32_t out_speed = speed_of(out, t->c_ospeed);
    t->c_ispeed = in ? speed_of(in, t->c_ispeed) : out_speed;
    t->c_ospeed = out_speed;
}

static void to_termio(const struct lx_termios2 *from, struct lx_termio *to)
{
    to->c_iflag = (uint16_t)from->c_iflag;
    to->c_oflag = (uint16_t)from->c_oflag;
    to->c_cflag = (uint16_t)from->c_cflag;
    to->c_lflag = (uint16_t)from->c_lflag;
    to->c_line = from->c_line;
    memcpy(to->c_cc, from->c_cc, sizeof to->c_cc);
}

/* What does not fit into the old form stays as it was. */
static void from_termio(const struct lx_termio *from, struct lx_termios2 *to)
{
    to->c_iflag = (to->c_iflag & ~0xffffu) | from->c_iflag;
    to->c_oflag = (to->c_oflag & ~0xffffu) | from->c_oflag;
    to->c_cflag = (to->c_cflag & ~0xffffu) | from->c_cflag;
    to->c_lflag = (to->c_lflag & ~0xffffu) | from->c_lflag;
    to->c_line = from->c_line;
    memcpy(to->c_cc, from->c_cc, sizeof from->c_cc);
}

/* struct lx_termios is how the newer one begins. */
static int64_t get_modes(struct control *c)
{
    struct lx_termios2 modes;
    struct lx_termio old;
    memset(&old, 0, sizeof old);
    vfs_tty_termios(c->tty, &modes);
    if (c->request == LX_TCGETA) {
        to_termio(&modes, &old);
        return shim_copy_out(c->arg, &old, sizeof old);
    }
    return shim_copy_out(c->arg, &modes,
                         c->request == LX_TCGETS2 ? sizeof modes : sizeof(struct lx_termios));
}

static int read_modes(const struct control *c, struct lx_termios2 *modes)
{
    struct lx_termio old;
    int err;
    switch (c->request) {
    case LX_TCSETA:
    case LX_TCSETAW:
    case LX_TCSETAF:
        err = shim_copy_in(&old, c->arg, sizeof old);
        if (err == 0)
            from_termio(&old, modes);
        return err;
    case LX_TCSETS:
    case LX_TCSETSW:
    case LX_TCSETSF:
        return shim_copy_in(modes, c->arg, sizeof(struct lx_termios));
    default:
        return shim_copy_in(modes, c->arg, sizeof *modes);
    }
}

/* Output is at its end at once: there is nothing to wait for. */
static int64_t set_modes(struct control *c)
{
    struct lx_termios2 modes;
    vfs_tty_termios(c->tty, &modes);
    int err = read_modes(c, &modes);
    if (err < 0)
        return err;
    set_speeds(&modes);
    vfs_tty_set_termios(c->tty, &modes,
                        c->request == LX_TCSETSF || c->request == LX_TCSETSF2 ||
                            c->request == LX_TCSETAF);
    return 0;
}

static int64_t get_carrier(struct control *c)
{
    struct lx_termios2 modes;
    vfs_tty_termios(c->tty, &modes);
    return put_int(c, (modes.c_cflag & LX_CLOCAL) != 0);
}

static int64_t set_carrier(struct control *c)
{
    struct lx_termios2 modes;
    int32_t ignores;
    int err = shim_copy_in(&ignores, c->arg, sizeof ignores);
    if (err < 0)
        return err;
    vfs_tty_termios(c->tty, &modes);
    modes.c_cflag = (modes.c_cflag & ~(uint32_t)LX_CLOCAL) | (ignores ? LX_CLOCAL : 0u);
    vfs_tty_set_termios(c->tty, &modes, 0);
    return 0;
}

/* Nobody has locked any; CAP_SYS_ADMIN, which that needs, is not a container's. */
static int64_t get_locked_modes(struct control *c)
{
    struct lx_termios none;
    memset(&none, 0, sizeof none);
    return shim_copy_out(c->arg, &none, sizeof none);
}

static int64_t refuse(struct control *c)
{
    return c->request == LX_TIOCCONS && c->is_master ? -LX_EINVAL : -LX_EPERM;
}

static int64_t get_discipline(struct control *c)
{
    return put_int(c, N_TTY);
}

static int64_t set_discipline(struct control *c)
{
    int32_t which;
    int err = shim_copy_in(&which, c->arg, sizeof which);
    return err < 0 ? err : which == N_TTY ? 0 : -LX_EINVAL;
}

/* ---- Input and output ---- */

static int64_t flush(struct control *c)
{
    return vfs_tty_flush(c->file, (uint32_t)c->arg);
}

static int64_t flow(struct control *c)
{
    return vfs_tty_flow(c->file, (uint32_t)c->arg);
}

/* A line without wires: breaks are nothing, and what is written is gone at once. */
static int64_t nothing(struct control *c)
{
    (void)c;
    return 0;
}

static int64_t get_unsent(struct control *c)
{
    return put_int(c, 0);
}

/* Only into one's own; sysctl(8) dev.tty.legacy_tiocsti is 1. */
static int64_t type(struct control *c)
{
    uint8_t byte;
    if (c->is_master || c->t->process->tty != c->tty)
        return -LX_EPERM;
    int err = shim_copy_in(&byte, c->arg, 1);
    if (err == 0)
        vfs_tty_type(c->tty, byte);
    return err;
}

static int64_t get_size(struct control *c)
{
    struct lx_winsize size;
    vfs_tty_size(c->tty, &size);
    return shim_copy_out(c->arg, &size, sizeof size);
}

static int64_t set_size(struct control *c)
{
    struct lx_winsize size;
    int err = shim_copy_in(&size, c->arg, sizeof size);
    if (err == 0 && vfs_tty_set_size(c->tty, &size))
        shim_terminal_signal(c->tty, LX_SIGWINCH);
    return err;
}

/* ---- Switches, and what a pair is ---- */

static int64_t get_switch(struct control *c)
{
    return put_int(c, vfs_tty_switch(c->file, c->request == LX_TIOCGEXCL    ? VFS_TTY_EXCLUSIVE
                                              : c->request == LX_TIOCGPTLCK ? VFS_TTY_LOCKED
                                                                            : VFS_TTY_PACKET));
}

static int64_t set_switch(struct control *c)
{
    int32_t on;
    int err = shim_copy_in(&on, c->arg, sizeof on);
    if (err == 0)
        vfs_tty_set_switch(c->file, c->request == LX_TIOCPKT ? VFS_TTY_PACKET : VFS_TTY_LOCKED, on);
    return err;
}

static int64_t set_exclusive(struct control *c)
{
    vfs_tty_set_switch(c->file, VFS_TTY_EXCLUSIVE, c->request == LX_TIOCEXCL);
    return 0;
}

static int64_t get_device(struct control *c)
{
    return put_int(c, (int32_t)vfs_tty_device(c->tty));
}

static int64_t get_number(struct control *c)
{
    return put_int(c, (int32_t)vfs_tty_number(c->tty));
}

static int64_t open_peer(struct control *c)
{
    struct vfs_file *file;
    uint32_t flags = (uint32_t)c->arg;
    if (!c->is_master)
        return -LX_EIO;
    int err = vfs_ptmx_open_peer(c->file, flags, &file);
    return err < 0 ? err : sys_install(c->t, file, flags & LX_O_CLOEXEC ? VFS_FD_CLOEXEC : 0);
}

static int64_t send_signal(struct control *c)
{
    int32_t sig = (int32_t)c->arg;
    if (sig != LX_SIGINT && sig != LX_SIGQUIT && sig != LX_SIGTSTP)
        return -LX_EINVAL;
    shim_terminal_signal(c->tty, sig);
    return 0;
}

/* ---- Sessions and groups ---- */

static int64_t take(struct control *c)
{
    return shim_terminal_take(c->t, c->tty, c->arg == 1, vfs_file_may(c->file, PLAT_READ));
}

static int64_t give_up(struct control *c)
{
    return c->is_master ? -LX_ENOTTY : shim_terminal_give_up(c->t, c->tty);
}

/* The terminal must be the caller's own; a master tells about its own, whosever that is. */
static int64_t get_group(struct control *c)
{
    if (!c->is_master && c->t->process->tty != c->tty)
        return -LX_ENOTTY;
    return put_int(c, vfs_tty_owner(c->tty)->group);
}

static int64_t get_session(struct control *c)
{
    int32_t session = vfs_tty_owner(c->tty)->session;
    if ((!c->is_master && c->t->process->tty != c->tty) || !session)
        return -LX_ENOTTY;
    return put_int(c, session);
}

static int64_t set_group(struct control *c)
{
    int32_t pgid;
    int err = shim_terminal_may_change(c->t, c->tty);
    if (err < 0)
        return err == -LX_EIO ? -LX_ENOTTY : err;
    err = shim_copy_in(&pgid, c->arg, sizeof pgid);
    if (err == 0 && pgid < 0)
        err = -LX_EINVAL;
    return err < 0 ? err : shim_terminal_set_group(c->t, c->tty, pgid);
}

/* ---- The table ---- */

#define ANY 0u
#define CHANGES 1u /* job control is asked, unless it is a master that is to change */
#define BOTH 2u    /* with CHANGES: also of a master, which changes its terminal */
#define MASTER 4u  /* only masters know it */

static const struct row {
    uint32_t request, flags;
    int64_t (*handle)(struct control *c);
} rows[] = {
    {LX_TCGETS, ANY, get_modes},
    {LX_TCGETS2, ANY, get_modes},
    {LX_TCGETA, ANY, get_modes},
    {LX_TCSETS, CHANGES | BOTH, set_modes},
    {LX_TCSETSW, CHANGES | BOTH, set_modes},
    {LX_TCSETSF, CHANGES | BOTH, set_modes},
    {LX_TCSETS2, CHANGES | BOTH, set_modes},
    {LX_TCSETSW2, CHANGES | BOTH, set_modes},
    {LX_TCSETSF2, CHANGES | BOTH, set_modes},
    {LX_TCSETA, CHANGES | BOTH, set_modes},
    {LX_TCSETAW, CHANGES | BOTH, set_modes},
    {LX_TCSETAF, CHANGES | BOTH, set_modes},
    {LX_TIOCGSOFTCAR, ANY, get_carrier},
    {LX_TIOCSSOFTCAR, ANY, set_carrier},
    {LX_TIOCGLCKTRMIOS, ANY, get_locked_modes},
    {LX_TIOCSLCKTRMIOS, ANY, refuse},
    {LX_TIOCCONS, ANY, refuse},
    {LX_TIOCVHANGUP, ANY, refuse},
    {LX_TIOCGETD, ANY, get_discipline},
    {LX_TIOCSETD, CHANGES, set_discipline},
    {LX_TCFLSH, CHANGES, flush},
    {LX_TCXONC, CHANGES, flow},
    {LX_TCSBRK, CHANGES, nothing},
    {LX_TCSBRKP, CHANGES, nothing},
    {LX_TIOCSBRK, CHANGES, nothing},
    {LX_TIOCCBRK, CHANGES, nothing},
    {LX_TIOCOUTQ, ANY, get_unsent},
    {LX_TIOCSTI, ANY, type},
    {LX_TIOCGWINSZ, ANY, get_size},
    {LX_TIOCSWINSZ, ANY, set_size},
    {LX_TIOCEXCL, ANY, set_exclusive},
    {LX_TIOCNXCL, ANY, set_exclusive},
    {LX_TIOCGEXCL, ANY, get_switch},
    {LX_TIOCPKT, MASTER, set_switch},
    {LX_TIOCGPKT, MASTER, get_switch},
    {LX_TIOCSPTLCK, MASTER, set_switch},
    {LX_TIOCGPTLCK, MASTER, get_switch},
    {LX_TIOCGPTN, MASTER, get_number},
    {LX_TIOCSIG, MASTER, send_signal},
    {LX_TIOCGPTPEER, ANY, open_peer},
    {LX_TIOCGDEV, ANY, get_device},
    {LX_TIOCSCTTY, ANY, take},
    {LX_TIOCNOTTY, ANY, give_up},
    {LX_TIOCGPGRP, ANY, get_group},
    {LX_TIOCSPGRP, ANY, set_group},
    {LX_TIOCGSID, ANY, get_session},
};

static int64_t handle(struct control *c, const struct row *row)
{
    int64_t result = 0;
    if (row->flags & MASTER && !c->is_master)
        return -LX_ENOTTY;
    if (row->flags & CHANGES && (row->flags & BOTH || !c->is_master))
        result = shim_terminal_may_change(c->t, c->tty);
    return result < 0 ? result : row->handle(c);
}

int64_t sys_tty_control(struct shim_task *t, struct vfs_file *file, uint32_t request, lx_uptr arg)
{
    struct control c = {.t = t, .file = file, .request = request, .arg = arg};
    c.tty = vfs_file_tty(file, &c.is_master);
    if (!c.is_master && vfs_tty_is_hung_up(c.tty))
        return request == LX_TIOCSPGRP ? -LX_ENOTTY : -LX_EIO;
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].request == request)
            return sys_interrupted(handle(&c, &rows[i]));
    }
    return -LX_ENOTTY;
}
