/* SPDX-License-Identifier: MIT */
/* The line discipline: output, and echoes on their way to it. */

#include "tty_echo.h"

#include "core/mem.h"

#define KEPT_BY_READER (TTY_LINE_SIZE - 1) /* what a pseudo-terminal's master has taken over */

#define TAB 8u /* columns */

/* Operations among the echoes; any other byte behind ECHO_OP is a control character. */
#define ECHO_OP 0xffu /* twice: that byte itself */
#define ECHO_MOVE_BACK 0x80u
#define ECHO_NOTE_COLUMN 0x81u
#define ECHO_ERASE_TAB 0x82u /* one more byte follows */
#define AFTER_TAB 0x80u      /* in that byte */

#define ECHO_BLOCK 256u /* so many wait before they go out in the midst of input */
#define ECHO_MOST (TTY_LINE_SIZE - (ECHO_BLOCK + 32)) /* beyond, the oldest are lost */

/* ---- Bytes ---- */

int byte_is_control(uint8_t c)
{
    return c < 0x20 || c == 0x7f;
}

static int is_upper(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7);
}

static int is_lower(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 0xdf && c != 0xf7);
}

int byte_is_alnum(uint8_t c)
{
    return is_upper(c) || is_lower(c) || (c >= '0' && c <= '9');
}

uint8_t byte_upper(uint8_t c)
{
    return is_lower(c) ? (uint8_t)(c - ('a' - 'A')) : c;
}

uint8_t byte_lower(uint8_t c)
{
    return is_upper(c) ? (uint8_t)(c + ('a' - 'A')) : c;
}

int line_is_continuation(const struct tty_line *line, uint8_t c)
{
    return line_input(line, LX_IUTF8) && (c & 0xc0) == 0x80;
}

/* ---- Queues ---- */

uint32_t tty_queue_put(struct tty_queue *q, const uint8_t *bytes, uint32_t size)
{
    uint32_t room = tty_queue_room(q), at = q->head % TTY_QUEUE_SIZE;
    size = size < room ? size : room;
    uint32_t first = size < TTY_QUEUE_SIZE - at ? size : TTY_QUEUE_SIZE - at;
    memcpy(q->bytes + at, bytes, first);
    memcpy(q->bytes, bytes + first, size - first);
    q->head += size;
    return size;
}

const uint8_t *tty_queue_first(const struct tty_queue *q, uint32_t *size)
{
    uint32_t used = tty_queue_used(q), at = q->tail % TTY_QUEUE_SIZE;
    *size = used < TTY_QUEUE_SIZE - at ? used : TTY_QUEUE_SIZE - at;
    return q->bytes + at;
}

uint32_t tty_queue_take(struct tty_queue *q, uint8_t *bytes, uint32_t size)
{
    uint32_t done = 0, part;
    while (done < size && tty_queue_used(q)) {
        const uint8_t *from = tty_queue_first(q, &part);
        part = part < size - done ? part : size - done;
        memcpy(bytes + done, from, part);
        q->tail += part;
        done += part;
    }
    return done;
}

void tty_queue_keep(struct tty_queue *q, uint32_t size)
{
    if (tty_queue_used(q) > size)
        q->head = q->tail + size;
}

/* ---- Output ---- */

uint32_t tty_line_room(const struct tty_line *line, const struct tty_queue *out)
{
    return line->is_stopped ? 0 : tty_queue_room(out);
}

void echo_unshow(struct tty_line *line, struct tty_queue *out)
{
    uint32_t taken = line->shown - out->tail;
    if ((int32_t)taken < 0)
        taken = 0; /* it has been read */
    tty_queue_keep(out, taken < KEPT_BY_READER ? taken : KEPT_BY_READER);
    line->news.packet |= LX_TIOCPKT_FLUSHWRITE;
}

void tty_line_flush_output(struct tty_line *line, struct tty_queue *out)
{
    line->shown = out->head;
    echo_unshow(line, out);
}

static void put(struct tty_queue *out, uint8_t c)
{
    uint32_t n = tty_queue_put(out, &c, 1);
    (void)n; /* there is room: the caller has looked */
}

static void put_times(struct tty_queue *out, uint8_t c, uint32_t count)
{
    while (count--)
        put(out, c);
}

/* A line ends: 1 if the byte is out already. */
static int newline_out(struct tty_line *line, struct tty_queue *out)
{
    if (line_output(line, LX_ONLRET))
        line->column = 0;
    if (!line_output(line, LX_ONLCR)) {
        line->line_column = line->column;
        return 0;
    }
    line->line_column = line->column = 0;
    put(out, '\r');
    put(out, '\n');
    return 1;
}

/* Back to the first column: the byte that this shows as. */
static uint8_t return_out(struct tty_line *line)
{
    int as_newline = line_output(line, LX_OCRNL);
    if (!as_newline || line_output(line, LX_ONLRET))
        line->line_column = line->column = 0;
    return as_newline ? '\n' : '\r';
}

/* Room that a byte needs, as it will be shown. */
static uint32_t needs(const struct tty_line *line, uint8_t c)
{
    if (c == '\n' && line_output(line, LX_ONLCR))
        return 2;
    if (c == '\t' && (line->termios.c_oflag & LX_TABDLY) == LX_XTABS)
        return TAB - line->column % TAB;
    return 1;
}

/*
 * One byte goes out, as the modes of output want it.
 *   room     that there is.
 *   returns  0: there is not enough.
 */
static int show(struct tty_line *line, struct tty_queue *out, uint8_t c, uint32_t room)
{
    uint32_t size = needs(line, c);
    if (room < size)
        return 0;
    switch (c) {
    case '\n':
        if (newline_out(line, out))
            return 1;
        break;
    case '\r':
        if (line_output(line, LX_ONOCR) && !line->column)
            return 1;
        c = return_out(line);
        break;
    case '\t':
        line->column += TAB - line->column % TAB;
        if ((line->termios.c_oflag & LX_TABDLY) == LX_XTABS) {
            put_times(out, ' ', size);
            return 1;
        }
        break;
    case '\b':
        line->column -= line->column > 0;
        break;
    default:
        if (byte_is_control(c))
            break;
        if (line_output(line, LX_OLCUC))
            c = byte_upper(c);
        line->column += !line_is_continuation(line, c);
        break;
    }
    put(out, c);
    return 1;
}

uint32_t tty_line_write(struct tty_line *line, struct tty_queue *out, const uint8_t *bytes,
                        uint32_t size)
{
    uint32_t done = 0;
    echo_process(line, out);
    if (!line_output(line, LX_OPOST)) {
        uint32_t room = tty_line_room(line, out);
        return tty_queue_put(out, bytes, size < room ? size : room);
    }
    while (done < size && show(line, out, bytes[done], tty_line_room(line, out)))
        done++;
    return done;
}

/* ---- Adding echoes ---- */

static void add(struct tty_line *line, uint32_t byte)
{
    line->echoes[line->echo_head++ % TTY_LINE_SIZE] = (uint8_t)byte;
}

static void add_op(struct tty_line *line, uint32_t op)
{
    add(line, ECHO_OP);
    add(line, op);
}

void echo_raw(struct tty_line *line, uint8_t c)
{
    if (c == ECHO_OP)
        add(line, ECHO_OP);
    add(line, c);
}

void echo_byte(struct tty_line *line, uint8_t c)
{
    if (line_local(line, LX_ECHOCTL) && byte_is_control(c) && c != '\t')
        add_op(line, c);
    else
        echo_raw(line, c);
}

void echo_move_back(struct tty_line *line)
{
    add_op(line, ECHO_MOVE_BACK);
}

void echo_note_column(struct tty_line *line)
{
    add_op(line, ECHO_NOTE_COLUMN);
}

void echo_erase_tab(struct tty_line *line, uint32_t columns, int after_tab)
{
    add_op(line, ECHO_ERASE_TAB);
    add(line, columns % TAB | (after_tab ? AFTER_TAB : 0));
}

/* ---- Letting them out ---- */

static uint8_t echo_at(const struct tty_line *line, uint32_t at)
{
    return line->echoes[at % TTY_LINE_SIZE];
}

/* Columns back to where the tab began. */
static uint32_t tab_width(const struct tty_line *line, uint32_t before)
{
    return TAB - (before & AFTER_TAB ? before : before + line->line_column) % TAB;
}

static void move_back(struct tty_line *line, uint32_t columns)
{
    line->column -= line->column < columns ? line->column : columns;
}

/*
 * Let an operation out.
 *   returns  the bytes it takes among the echoes; 0: there is no room.
 */
static uint32_t operate(struct tty_line *line, struct tty_queue *out, uint32_t room)
{
    uint8_t op = echo_at(line, line->echo_tail + 1);
    uint32_t width;
    switch (op) {
    case ECHO_ERASE_TAB:
        width = tab_width(line, echo_at(line, line->echo_tail + 2));
        if (room < width)
            return 0;
        put_times(out, '\b', width);
        move_back(line, width);
        return 3;
    case ECHO_NOTE_COLUMN:
        line->line_column = line->column;
        return 2;
    case ECHO_MOVE_BACK:
        move_back(line, 1);
        return 2;
    case ECHO_OP:
        if (!room)
            return 0;
        put(out, ECHO_OP);
        line->column++;
        return 2;
    default:
        if (room < 2)
            return 0;
        put(out, '^');
        put(out, op ^ 0100);
        line->column += 2;
        return 2;
    }
}

/* The next echo goes out: as operate(). */
static uint32_t let_out(struct tty_line *line, struct tty_queue *out)
{
    uint32_t room = tty_line_room(line, out);
    uint8_t c = echo_at(line, line->echo_tail);
    if (c == ECHO_OP)
        return operate(line, out, room);
    if (line_output(line, LX_OPOST))
        return (uint32_t)show(line, out, c, room);
    if (room)
        put(out, c);
    return room != 0;
}

/* Of echoes that cannot go out, the latest are kept. */
static void lose_oldest(struct tty_line *line)
{
    while ((int32_t)(line->echo_commit - line->echo_tail) >= (int32_t)ECHO_MOST) {
        uint32_t size = 1;
        if (echo_at(line, line->echo_tail) == ECHO_OP)
            size = echo_at(line, line->echo_tail + 1) == ECHO_ERASE_TAB ? 3 : 2;
        line->echo_tail += size;
    }
}

static void let_out_committed(struct tty_line *line, struct tty_queue *out)
{
    uint32_t size = 1;
    while (size && (line->echo_commit - line->echo_tail) % TTY_LINE_SIZE) {
        size = let_out(line, out);
        line->echo_tail += size;
    }
    lose_oldest(line);
}

void echo_commit(struct tty_line *line, struct tty_queue *out)
{
    uint32_t before = line->echo_commit - line->echo_tail, now = line->echo_head - line->echo_tail;
    line->echo_mark = line->echo_head;
    if (now < ECHO_BLOCK || now % ECHO_BLOCK > before % ECHO_BLOCK)
        return;
    line->echo_commit = line->echo_head;
    let_out_committed(line, out);
}

void echo_process(struct tty_line *line, struct tty_queue *out)
{
    if (line->echo_mark == line->echo_tail)
        return;
    line->echo_commit = line->echo_mark;
    let_out_committed(line, out);
}

void echo_flush(struct tty_line *line, struct tty_queue *out)
{
    if (!line_local(line, LX_ECHO | LX_ECHONL) || line->echo_commit == line->echo_head)
        return;
    line->echo_commit = line->echo_head;
    let_out_committed(line, out);
}

void echo_forget(struct tty_line *line)
{
    line->echo_head = line->echo_tail = line->echo_mark = line->echo_commit = 0;
}
