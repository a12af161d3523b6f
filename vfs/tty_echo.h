/* SPDX-License-Identifier: MIT */
#ifndef VFS_TTY_ECHO_H
#define VFS_TTY_ECHO_H

/*
 * What a line discipline shows: the output of programs and, between that, echoes.  Private to
 * tty_line.c and tty_echo.c.
 *
 * Echoes are kept until they can go out as a whole, each operation for itself: what they do
 * depends on the column where the output is then.
 *
 * Threads  the caller locks.  Errors  none.
 */

#include <stdint.h>

#include "tty_line.h"

static inline int line_input(const struct tty_line *line, uint32_t flag)
{
    return (line->termios.c_iflag & flag) != 0;
}

static inline int line_output(const struct tty_line *line, uint32_t flag)
{
    return (line->termios.c_oflag & flag) != 0;
}

static inline int line_local(const struct tty_line *line, uint32_t flag)
{
    return (line->termios.c_lflag & flag) != 0;
}

static inline uint8_t line_byte(const struct tty_line *line, uint32_t at)
{
    return line->bytes[at % TTY_LINE_SIZE];
}

/* What bytes are to Linux: ASCII, and Latin-1 above. */
int byte_is_control(uint8_t c);
int byte_is_alnum(uint8_t c);
uint8_t byte_upper(uint8_t c);
uint8_t byte_lower(uint8_t c);

/* 1 for what follows the first byte of a character in UTF-8. */
int line_is_continuation(const struct tty_line *line, uint8_t c);

/* Add an echo: a byte as it is; control characters as ^X if so wanted. */
void echo_raw(struct tty_line *line, uint8_t c);
void echo_byte(struct tty_line *line, uint8_t c);

/* Add an operation. */
void echo_move_back(struct tty_line *line);
void echo_note_column(struct tty_line *line); /* here begins what is typed */

/*
 * Go back over a tab.
 *   columns    that what was typed before it takes, since the line began or an earlier tab.
 *   after_tab  1: that tab.
 */
void echo_erase_tab(struct tty_line *line, uint32_t columns, int after_tab);

/* A byte's echoes are complete: many of them go out. */
void echo_commit(struct tty_line *line, struct tty_queue *out);

/* All complete ones go out; all that there are. */
void echo_process(struct tty_line *line, struct tty_queue *out);
void echo_flush(struct tty_line *line, struct tty_queue *out);

void echo_forget(struct tty_line *line);

/* A signal is typed: what went out, but to nobody yet, is forgotten; so are echoes before it. */
void echo_unshow(struct tty_line *line, struct tty_queue *out);

#endif
