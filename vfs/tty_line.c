/* SPDX-License-Identifier: MIT */
/* The line discipline: input, its modes, and reading it.  What is shown of it: tty_echo.c. */

#include "tty_line.h"

#include "core/mem.h"
#include "lx/signal.h"
#include "tty_echo.h"

#define DISABLED \
    0 /* in place of a special character: there is none; in the input: the file's end */
#define PARMRK_MOST 3 /* bytes that one may become */

/* ---- Modes ---- */

static uint8_t special(const struct tty_line *line, uint32_t which)
{
    return line->termios.c_cc[which];
}

static int is_set(const uint32_t *bits, uint32_t n)
{
    return (bits[n / 32] >> n % 32 & 1) != 0;
}

static void set(uint32_t *bits, uint32_t n)
{
    bits[n / 32] |= 1u << n % 32;
}

static void clear(uint32_t *bits, uint32_t n)
{
    bits[n / 32] &= ~(1u << n % 32);
}

/* Which bytes do more than being typed. */
static void find_special(struct tty_line *line)
{
    static const struct {
        uint32_t input, local; /* modes that all must be set */
        uint8_t which;
    } rows[] = {
        {0, LX_ICANON, LX_VERASE},
        {0, LX_ICANON, LX_VKILL},
        {0, LX_ICANON, LX_VEOF},
        {0, LX_ICANON, LX_VEOL},
        {0, LX_ICANON | LX_IEXTEN, LX_VWERASE},
        {0, LX_ICANON | LX_IEXTEN, LX_VLNEXT},
        {0, LX_ICANON | LX_IEXTEN, LX_VEOL2},
        {0, LX_ICANON | LX_IEXTEN | LX_ECHO, LX_VREPRINT},
        {LX_IXON, 0, LX_VSTART},
        {LX_IXON, 0, LX_VSTOP},
        {0, LX_ISIG, LX_VINTR},
        {0, LX_ISIG, LX_VQUIT},
        {0, LX_ISIG, LX_VSUSP},
    };
    memset(line->special, 0, sizeof line->special);
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if ((line->termios.c_iflag & rows[i].input) == rows[i].input &&
            (line->termios.c_lflag & rows[i].local) == rows[i].local)
            set(line->special, special(line, rows[i].which));
    }
    if (line_input(line, LX_IGNCR | LX_ICRNL))
        set(line->special, '\r');
    if (line_input(line, LX_INLCR) || line_local(line, LX_ICANON))
        set(line->special, '\n');
    clear(line->special, DISABLED);
}

void tty_line_init(struct tty_line *line)
{
    static const struct lx_termios2 cooked = {
        .c_iflag = LX_ICRNL | LX_IXON,
        .c_oflag = LX_OPOST | LX_ONLCR,
        .c_cflag = LX_B38400 | LX_CS8 | LX_CREAD,
        .c_lflag = LX_ISIG | LX_ICANON | LX_ECHO | LX_ECHOE | LX_ECHOK | LX_ECHOCTL | LX_ECHOKE |
                   LX_IEXTEN,
        .c_cc = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0},
        .c_ispeed = 38400,
        .c_ospeed = 38400,
    };
    memset(line, 0, sizeof *line);
    line->termios = cooked;
    find_special(line);
}

/* ---- Flow control ---- */

static void note_flow(struct tty_line *line, uint8_t packet)
{
    line->news.packet &= (uint8_t) ~(LX_TIOCPKT_START | LX_TIOCPKT_STOP);
    line->news.packet |= packet;
}

static void stop(struct tty_line *line)
{
    if (line->is_stopped)
        return;
    line->is_stopped = 1;
    note_flow(line, LX_TIOCPKT_STOP);
}

static void start(struct tty_line *line)
{
    if (!line->is_stopped || line->is_held)
        return;
    line->is_stopped = 0;
    note_flow(line, LX_TIOCPKT_START);
}

/* As start(), and echoes that have waited go out. */
static void go_on(struct tty_line *line, struct tty_queue *out)
{
    start(line);
    echo_process(line, out);
}

void tty_line_hold(struct tty_line *line, int hold)
{
    if (line->is_held == hold)
        return;
    line->is_held = (uint8_t)hold;
    if (hold)
        stop(line);
    else
        start(line);
}

void tty_line_send_flow(struct tty_line *line, struct tty_queue *out, uint32_t which)
{
    uint8_t c = special(line, which), was_stopped = line->is_stopped;
    if (c == DISABLED)
        return;
    start(line);
    if (!line->is_stopped)
        tty_queue_put(out, &c, 1);
    if (was_stopped)
        stop(line);
}

/* START or STOP: 1. */
static int is_flow(const struct tty_line *line, uint8_t c)
{
    return line_input(line, LX_IXON) &&
           (c == special(line, LX_VSTART) || c == special(line, LX_VSTOP));
}

/* START wins, should both be one byte. */
static void flow(struct tty_line *line, struct tty_queue *out, uint8_t c)
{
    if (c == special(line, LX_VSTART))
        go_on(line, out);
    else
        stop(line);
}

void tty_line_look_ahead(struct tty_line *line, struct tty_queue *out, const uint8_t *bytes,
                         uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        if (is_flow(line, bytes[i]))
            flow(line, out, bytes[i]);
    }
}

/* ---- Changing the modes ---- */

int tty_line_is_canonical(const struct tty_line *line)
{
    return line_local(line, LX_ICANON) && !line_local(line, LX_EXTPROC);
}

/* Lines become bytes, or the bytes that are there a line. */
static void change_form(struct tty_line *line)
{
    memset(line->ends, 0, sizeof line->ends);
    line->line_head = line->tail;
    if (line_local(line, LX_ICANON) && line->head != line->tail) {
        set(line->ends, (line->head - 1) % TTY_LINE_SIZE);
        line->line_head = line->head;
    }
    line->is_erasing = line->is_next_literal = 0;
}

/* START and STOP are ^Q and ^S: a master in packet mode may handle them itself. */
static int has_usual_flow(const struct lx_termios2 *t)
{
    return t->c_iflag & LX_IXON && t->c_cc[LX_VSTOP] == 023 && t->c_cc[LX_VSTART] == 021;
}

static uint8_t packet_of_change(const struct lx_termios2 *old, const struct lx_termios2 *now)
{
    uint8_t packet = (old->c_lflag | now->c_lflag) & LX_EXTPROC ? LX_TIOCPKT_IOCTL : 0;
    if (has_usual_flow(old) != has_usual_flow(now))
        packet |= has_usual_flow(now) ? LX_TIOCPKT_DOSTOP : LX_TIOCPKT_NOSTOP;
    return packet;
}

void tty_line_set_termios(struct tty_line *line, struct tty_queue *out,
                          const struct lx_termios2 *termios)
{
    struct lx_termios2 old = line->termios;
    line->termios = *termios;
    line->termios.c_cflag &= ~(uint32_t)(LX_CSIZE | LX_PARENB | LX_ADDRB);
    line->termios.c_cflag |= LX_CS8 | LX_CREAD;
    if ((old.c_lflag ^ termios->c_lflag) & (LX_ICANON | LX_EXTPROC))
        change_form(line);
    find_special(line);
    line->news.packet |= packet_of_change(&old, &line->termios);
    if (old.c_iflag & LX_IXON && !line_input(line, LX_IXON) && !line->is_held)
        go_on(line, out);
}

/* ---- Erasing ---- */

static void finish_erasing(struct tty_line *line)
{
    if (line->is_erasing)
        echo_raw(line, '/');
    line->is_erasing = 0;
}

/* All of the line goes, and is not taken from the screen. */
static void kill_plainly(struct tty_line *line)
{
    line->head = line->line_head;
    if (!line_local(line, LX_ECHO))
        return;
    finish_erasing(line);
    echo_byte(line, special(line, LX_VKILL));
    if (line_local(line, LX_ECHOK))
        echo_raw(line, '\n');
}

/* Columns of what was typed before `at`, back to a tab or the line's beginning. */
static uint32_t columns_before(const struct tty_line *line, uint32_t at, int *after_tab)
{
    uint32_t columns = 0;
    *after_tab = 0;
    while (at != line->line_head) {
        uint8_t c = line_byte(line, --at);
        if (c == '\t') {
            *after_tab = 1;
            break;
        }
        if (byte_is_control(c))
            columns += line_local(line, LX_ECHOCTL) ? 2 : 0;
        else
            columns += !line_is_continuation(line, c);
    }
    return columns;
}

static void echo_rubout(struct tty_line *line)
{
    echo_raw(line, '\b');
    echo_raw(line, ' ');
    echo_raw(line, '\b');
}

/* ECHOPRT: show what is erased, `size` bytes from `at` on. */
static void echo_erased(struct tty_line *line, uint32_t at, uint32_t size)
{
    if (!line->is_erasing)
        echo_raw(line, '\\');
    line->is_erasing = 1;
    echo_byte(line, line_byte(line, at));
    for (uint32_t i = 1; i < size; i++) {
        echo_raw(line, line_byte(line, at + i));
        echo_move_back(line);
    }
}

/* Show that the character at the line's end, `size` bytes, was erased. */
static void echo_erasure(struct tty_line *line, uint32_t which, uint32_t size)
{
    uint8_t c = line_byte(line, line->head);
    int after_tab;
    if (line_local(line, LX_ECHOPRT)) {
        echo_erased(line, line->head, size);
    } else if (which == LX_VERASE && !line_local(line, LX_ECHOE)) {
        echo_byte(line, special(line, LX_VERASE));
    } else if (c == '\t') {
        uint32_t columns = columns_before(line, line->head, &after_tab);
        echo_erase_tab(line, columns, after_tab);
    } else if (!byte_is_control(c)) {
        echo_rubout(line);
    } else if (line_local(line, LX_ECHOCTL)) {
        echo_rubout(line);
        echo_rubout(line);
    }
}

/* Where the last character of the line begins; 0: what is there is no whole one. */
static int last_character(const struct tty_line *line, uint32_t *at)
{
    uint8_t c;
    *at = line->head;
    do
        c = line_byte(line, --*at);
    while (line_is_continuation(line, c) && *at != line->line_head);
    return !line_is_continuation(line, c);
}

/* which: LX_VERASE, LX_VWERASE or LX_VKILL. */
static void erase_characters(struct tty_line *line, uint32_t which)
{
    int in_word = 0;
    uint32_t at;
    while (line->head != line->line_head && last_character(line, &at)) {
        uint8_t c = line_byte(line, at);
        if (which == LX_VWERASE && (byte_is_alnum(c) || c == '_'))
            in_word = 1;
        else if (which == LX_VWERASE && in_word)
            break;
        uint32_t size = line->head - at;
        line->head = at;
        if (line_local(line, LX_ECHO))
            echo_erasure(line, which, size);
        if (which == LX_VERASE)
            break;
    }
    if (line->head == line->line_head && line_local(line, LX_ECHO))
        finish_erasing(line);
}

static void erase(struct tty_line *line, uint8_t c)
{
    const uint32_t on_screen = LX_ECHO | LX_ECHOK | LX_ECHOKE | LX_ECHOE;
    if (line->head == line->line_head)
        return;
    if (c == special(line, LX_VERASE))
        erase_characters(line, LX_VERASE);
    else if (c == special(line, LX_VWERASE))
        erase_characters(line, LX_VWERASE);
    else if ((line->termios.c_lflag & on_screen) == on_screen)
        erase_characters(line, LX_VKILL);
    else
        kill_plainly(line);
}

/* ---- Bytes that are typed ---- */

static void push(struct tty_line *line, uint8_t c)
{
    line->bytes[line->head++ % TTY_LINE_SIZE] = c;
}

/* PARMRK: such a byte is doubled, to tell it from a mark. */
static void push_mark(struct tty_line *line, uint8_t c)
{
    if (c == 0xff && line_input(line, LX_PARMRK))
        push(line, c);
}

/* A line ends with this byte. */
static void push_end(struct tty_line *line, uint8_t c)
{
    set(line->ends, line->head % TTY_LINE_SIZE);
    push(line, c);
    line->line_head = line->head;
    line->news.arrivals++;
}

/* Echo a byte of a line, whose first one notes where the line begins. */
static void echo_typed(struct tty_line *line, uint8_t c)
{
    if (line->line_head == line->head)
        echo_note_column(line);
    echo_byte(line, c);
}

/* raw_newline: 1: a newline is never shown as ^J. */
static void type(struct tty_line *line, struct tty_queue *out, uint8_t c, int raw_newline)
{
    if (line_local(line, LX_ECHO)) {
        finish_erasing(line);
        if (raw_newline && c == '\n')
            echo_raw(line, c);
        else
            echo_typed(line, c);
        echo_commit(line, out);
    }
    push_mark(line, c);
    push(line, c);
}

/* IXANY: any byte lets output go on. */
static void start_by_any(struct tty_line *line, struct tty_queue *out)
{
    if (line->is_stopped && !line->is_held && line_input(line, LX_IXON) &&
        line_input(line, LX_IXANY))
        go_on(line, out);
}

static void signal(struct tty_line *line, struct tty_queue *out, uint8_t c, uint32_t sig)
{
    line->news.signals |= 1u << (sig - 1);
    if (!line_local(line, LX_NOFLSH)) {
        echo_forget(line);
        echo_unshow(line, out);
        tty_line_flush(line);
    }
    if (line_input(line, LX_IXON))
        start(line);
    if (line_local(line, LX_ECHO)) {
        echo_byte(line, c);
        echo_commit(line, out);
    } else {
        echo_process(line, out);
    }
}

static void next_is_literal(struct tty_line *line, struct tty_queue *out)
{
    line->is_next_literal = 1;
    if (!line_local(line, LX_ECHO))
        return;
    finish_erasing(line);
    if (line_local(line, LX_ECHOCTL)) {
        echo_raw(line, '^');
        echo_raw(line, '\b');
        echo_commit(line, out);
    }
}

static void reprint(struct tty_line *line, struct tty_queue *out, uint8_t c)
{
    finish_erasing(line);
    echo_byte(line, c);
    echo_raw(line, '\n');
    for (uint32_t at = line->line_head; at != line->head; at++)
        echo_byte(line, line_byte(line, at));
    echo_commit(line, out);
}

static void end_by_other(struct tty_line *line, struct tty_queue *out, uint8_t c)
{
    if (line_local(line, LX_ECHO)) {
        echo_typed(line, c);
        echo_commit(line, out);
    }
    push_mark(line, c);
    push_end(line, c);
}

/* A byte of canonical mode's: 1 if it did something. */
static int edit(struct tty_line *line, struct tty_queue *out, uint8_t c)
{
    int extended = line_local(line, LX_IEXTEN);
    if (c == special(line, LX_VERASE) || c == special(line, LX_VKILL) ||
        (c == special(line, LX_VWERASE) && extended)) {
        erase(line, c);
        echo_commit(line, out);
    } else if (c == special(line, LX_VLNEXT) && extended) {
        next_is_literal(line, out);
    } else if (c == special(line, LX_VREPRINT) && line_local(line, LX_ECHO) && extended) {
        reprint(line, out, c);
    } else if (c == '\n') {
        if (line_local(line, LX_ECHO | LX_ECHONL)) {
            echo_raw(line, c);
            echo_commit(line, out);
        }
        push_end(line, c);
    } else if (c == special(line, LX_VEOF)) {
        push_end(line, DISABLED);
    } else if (c == special(line, LX_VEOL) || (c == special(line, LX_VEOL2) && extended)) {
        end_by_other(line, out, c);
    } else {
        return 0;
    }
    return 1;
}

/* The signal that a byte means; 0: none. */
static uint32_t signal_of(const struct tty_line *line, uint8_t c)
{
    if (!line_local(line, LX_ISIG))
        return 0;
    return c == special(line, LX_VINTR)   ? LX_SIGINT
           : c == special(line, LX_VQUIT) ? LX_SIGQUIT
           : c == special(line, LX_VSUSP) ? LX_SIGTSTP
                                          : 0;
}

/* looked: 1: if it is START or STOP, that is done. */
static void receive_special(struct tty_line *line, struct tty_queue *out, uint8_t c, int looked)
{
    if (is_flow(line, c)) {
        if (!looked)
            flow(line, out, c);
        return;
    }
    uint32_t sig = signal_of(line, c);
    if (sig) {
        signal(line, out, c, sig);
        return;
    }
    start_by_any(line, out);
    if (c == '\r' && line_input(line, LX_IGNCR))
        return;
    if (c == '\r' && line_input(line, LX_ICRNL))
        c = '\n';
    else if (c == '\n' && line_input(line, LX_INLCR))
        c = '\r';
    if (!line_local(line, LX_ICANON) || !edit(line, out, c))
        type(line, out, c, 1);
}

static void receive_byte(struct tty_line *line, struct tty_queue *out, uint8_t c, int looked)
{
    int literal = line->is_next_literal;
    line->is_next_literal = 0;
    if (line_input(line, LX_ISTRIP))
        c &= 0x7f;
    if (line_input(line, LX_IUCLC) && line_local(line, LX_IEXTEN))
        c = byte_lower(c);
    if (line_local(line, LX_EXTPROC)) {
        push(line, c);
    } else if (!literal && is_set(line->special, c)) {
        receive_special(line, out, c, looked);
    } else {
        start_by_any(line, out);
        type(line, out, c, 0);
    }
}

/*
 * Room for bytes that are typed.  If no line is complete, bytes are let through even if there is
 * no room for them, as they may end the line or erase some of it: the last one is given up.
 */
static uint32_t input_room(struct tty_line *line)
{
    int32_t room = (int32_t)(TTY_LINE_SIZE - (line->head - line->tail));
    if (line_input(line, LX_PARMRK))
        room = (room + PARMRK_MOST - 1) / PARMRK_MOST;
    if (room > 1)
        return (uint32_t)room - 1;
    int lets = line_local(line, LX_ICANON) && line->line_head == line->tail;
    if (lets && room <= 0)
        line->head--;
    return (uint32_t)lets;
}

uint32_t tty_line_receive(struct tty_line *line, struct tty_queue *out, const uint8_t *bytes,
                          uint32_t size, uint32_t looked)
{
    uint32_t done = 0, room;
    line->shown = out->head;
    while (done < size && (room = input_room(line)) != 0) {
        uint32_t end = room < size - done ? done + room : size;
        for (; done < end; done++)
            receive_byte(line, out, bytes[done], done < looked);
        line->news.arrivals += !tty_line_is_canonical(line) && line->head != line->tail;
        echo_flush(line, out);
    }
    return done;
}

/* ---- Reading ---- */

int tty_line_has_input(const struct tty_line *line, uint32_t least)
{
    return tty_line_is_canonical(line) ? line->line_head != line->tail
                                       : line->head - line->tail >= least;
}

static int is_end(const struct tty_line *line, uint32_t at)
{
    return is_set(line->ends, at % TTY_LINE_SIZE);
}

static int is_eof(const struct tty_line *line, uint32_t at)
{
    return is_end(line, at) && line_byte(line, at) == DISABLED;
}

uint32_t tty_line_count(const struct tty_line *line)
{
    if (!tty_line_is_canonical(line))
        return line->head - line->tail;
    uint32_t count = 0;
    for (uint32_t at = line->tail; at != line->line_head; at++)
        count += !is_eof(line, at);
    return count;
}

static uint32_t read_line(struct tty_line *line, uint8_t *bytes, uint32_t size)
{
    uint32_t done = 0, ended = 0;
    while (!ended && done < size && line->tail != line->line_head) {
        ended = (uint32_t)is_end(line, line->tail);
        if (!is_eof(line, line->tail))
            bytes[done++] = line_byte(line, line->tail);
        clear(line->ends, line->tail++ % TTY_LINE_SIZE);
    }
    /* An end of file behind the last byte that was asked for is no other read's. */
    if (!ended && done == size && line->tail != line->line_head && is_eof(line, line->tail))
        clear(line->ends, line->tail++ % TTY_LINE_SIZE);
    return done;
}

uint32_t tty_line_read(struct tty_line *line, uint8_t *bytes, uint32_t size)
{
    if (tty_line_is_canonical(line))
        return read_line(line, bytes, size);
    uint32_t done = 0;
    while (done < size && line->tail != line->head)
        bytes[done++] = line_byte(line, line->tail++);
    /* EXTPROC: the other end of a connection edits lines; a single EOF is still the file's end. */
    int eof = line_local(line, LX_ICANON) && done == 1 && line->tail == line->head &&
              bytes[0] == special(line, LX_VEOF);
    return eof ? 0 : done;
}

void tty_line_flush(struct tty_line *line)
{
    line->head = line->tail = line->line_head = 0;
    line->is_erasing = 0;
    memset(line->ends, 0, sizeof line->ends);
    line->news.packet |= LX_TIOCPKT_FLUSHREAD;
}
