/* SPDX-License-Identifier: MIT */
#ifndef VFS_TTY_LINE_H
#define VFS_TTY_LINE_H

/*
 * The line discipline of a terminal: what becomes of the bytes that are typed, until a
 * program reads them, and of those that programs write, until the terminal shows them.
 * It knows no files, locks, processes or signals: what it wants others to do it leaves
 * in its `news`.  Private to vfs.
 *
 * Source   termios(3), ioctl_tty(2); drivers/tty/n_tty.c of Linux 6.12, N_TTY.
 * Threads  the caller locks.
 * Errors   none; what does not fit is not taken.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/ioctl.h"

#define TTY_LINE_SIZE 4096u
#define TTY_QUEUE_SIZE 16384u

/* Bytes on their way; positions count on, the place in the ring is their rest. */
struct tty_queue {
    uint32_t head, tail;
    uint8_t bytes[TTY_QUEUE_SIZE];
};

static inline uint32_t tty_queue_used(const struct tty_queue *q)
{
    return q->head - q->tail;
}

static inline uint32_t tty_queue_room(const struct tty_queue *q)
{
    return TTY_QUEUE_SIZE - tty_queue_used(q);
}

/* Put up to `size` bytes in, or take them out; returns how many. */
uint32_t tty_queue_put(struct tty_queue *q, const uint8_t *bytes, uint32_t size);
uint32_t tty_queue_take(struct tty_queue *q, uint8_t *bytes, uint32_t size);

/* The oldest bytes that lie together; `size` is set. */
const uint8_t *tty_queue_first(const struct tty_queue *q, uint32_t *size);

/* Forget all but the first `size` bytes. */
void tty_queue_keep(struct tty_queue *q, uint32_t size);

/* What the discipline wants others to do or to know; whoever has done it clears it. */
struct tty_news {
    uint32_t signals; /* for the foreground group: bit n-1 is signal n */
    uint8_t packet;   /* LX_TIOCPKT_*: what has happened, the last of START and STOP */
    uint32_t
        arrivals; /* how often something has come to be read: a line, or what was typed at once */
};

struct tty_line {
    struct lx_termios2 termios; /* changed by tty_line_set_termios() only */
    struct tty_news news;

    /* What was typed; positions count on. */
    uint32_t head, tail;
    uint32_t line_head;                /* canonical mode: the end of the last whole line */
    uint8_t bytes[TTY_LINE_SIZE];      /* by position */
    uint32_t ends[TTY_LINE_SIZE / 32]; /* bit: with this byte a line ends */
    uint32_t special[8];               /* bit: this byte is not just typed */
    uint8_t is_next_literal;           /* 1: after LNEXT */
    uint8_t is_erasing;                /* 1: between the \ and / of ECHOPRT */

    /* Echoes that are not out yet: bytes, and operations that begin with ECHO_OP. */
    uint32_t echo_head, echo_tail;
    uint32_t echo_mark;   /* where those of the last byte end */
    uint32_t echo_commit; /* where those end that may go out */
    uint8_t echoes[TTY_LINE_SIZE];

    /* Where the output is. */
    uint32_t column, line_column; /* in its line; and where the line that is typed began */
    uint32_t shown;               /* position in the output: what a driver has taken over */
    uint8_t is_stopped;           /* 1: by STOP, or held: nothing goes out */
    uint8_t is_held;              /* 1: by tcflow(3), which alone can undo it */
};

/* As a terminal begins: cooked, 38400 bits a second. */
void tty_line_init(struct tty_line *line);

/* Set its modes as they are, without speeds or control flags that a pseudo-terminal has not. */
void tty_line_set_termios(struct tty_line *line, struct tty_queue *out,
                          const struct lx_termios2 *termios);

/*
 * Bytes are typed.
 *   looked   of the first so many, tty_line_look_ahead() has seen START and STOP already.
 *   out      where echoes go to.
 *   returns  how many were taken: all, unless programs have yet to read what is there.
 */
uint32_t tty_line_receive(struct tty_line *line, struct tty_queue *out, const uint8_t *bytes,
                          uint32_t size, uint32_t looked);

/* Bytes that cannot be taken yet: START and STOP among them act at once. */
void tty_line_look_ahead(struct tty_line *line, struct tty_queue *out, const uint8_t *bytes,
                         uint32_t size);

/* A program writes: returns how many bytes went out, as many as there was room for. */
uint32_t tty_line_write(struct tty_line *line, struct tty_queue *out, const uint8_t *bytes,
                        uint32_t size);

/*
 * 1 if a read gives something, if only the file's end: a line, or in raw mode `least` bytes.
 */
int tty_line_has_input(const struct tty_line *line, uint32_t least);

/* 1 if lines are read as wholes. */
int tty_line_is_canonical(const struct tty_line *line);

/* Bytes that can be read: FIONREAD. */
uint32_t tty_line_count(const struct tty_line *line);

/* A program reads what is there: up to the end of a line, or all in raw mode. */
uint32_t tty_line_read(struct tty_line *line, uint8_t *bytes, uint32_t size);

/* Forget what was typed. */
void tty_line_flush(struct tty_line *line);

/* Forget what went out and no driver has taken over yet. */
void tty_line_flush_output(struct tty_line *line, struct tty_queue *out);

/* tcflow(3): output stops, and START does not undo that; or it goes on. */
void tty_line_hold(struct tty_line *line, int hold);

/* tcflow(3): send START or STOP to the other end, LX_VSTART or LX_VSTOP, unless output is held. */
void tty_line_send_flow(struct tty_line *line, struct tty_queue *out, uint32_t which);

/* Bytes of output that there is room for now. */
uint32_t tty_line_room(const struct tty_line *line, const struct tty_queue *out);

#endif
