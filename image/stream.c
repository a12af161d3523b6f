/* SPDX-License-Identifier: MIT */
/*
 * The unpacking thread and its ring of blocks.  `empty` counts blocks the thread
 * may fill, `full` those the consumer may take; the consumer keeps the last two it
 * took.
 */

#include "stream.h"

#include <archive.h>
#include <isa-l/igzip_lib.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lx/errno.h"
#include "plat/plat.h"

#define BLOCKS 8u
#define KEPT 2u
#define INPUT_SIZE (256u << 10)

#define AGAIN "fetch or pack it again"

struct image_stream {
    struct core_source *source; /* the thread's */
    const char *name;
    struct plat_worker *worker;
    struct plat_semaphore *empty, *full;
    uint8_t *memory; /* the ring's blocks */
    atomic_bool stop;
    _Atomic uint64_t consumed;

    /* A block belongs to one side at a time; the semaphores hand it over. */
    uint32_t sizes[BLOCKS]; /* 0 marks the end */
    int err, plain;         /* set by the thread before it hands over the end */
    struct core_diag diag;

    /* The thread's. */
    uint8_t *input; /* INPUT_SIZE; bytes [input_start, input_end) are unread */
    uint32_t input_start, input_end;
    uint32_t filling, filled; /* the block being filled, and how far */

    /* The consumer's. */
    uint32_t taken; /* blocks taken, all in all */
    int ended;
    struct core_diag *consumer_diag;
};

static uint8_t *block(const struct image_stream *s, uint32_t n)
{
    return s->memory + (size_t)(n % BLOCKS) * IMAGE_STREAM_BLOCK;
}

/* ---- Reading the source -------------------------------------------------- */

static int64_t read_source(struct image_stream *s, void *buf, uint32_t size)
{
    if (atomic_load(&s->stop))
        return -LX_EINTR;
    int64_t n = s->source->read(s->source, buf, size);
    if (n < 0)
        return core_diag_set(&s->diag, (int)n, "%s: cannot read the archive: %s", s->name,
                             core_diag_strerror((int)n));
    atomic_fetch_add(&s->consumed, (uint64_t)n);
    return n;
}

/* Have at least `size` unread bytes in the input, or all there are; returns how many, -LX_E*. */
static int64_t fill_input(struct image_stream *s, uint32_t size)
{
    if (s->input_end - s->input_start >= size)
        return s->input_end - s->input_start;
    memmove(s->input, s->input + s->input_start, s->input_end - s->input_start);
    s->input_end -= s->input_start;
    s->input_start = 0;
    while (s->input_end < size) {
        int64_t n = read_source(s, s->input + s->input_end, INPUT_SIZE - s->input_end);
        if (n < 0)
            return n;
        if (n == 0)
            break;
        s->input_end += (uint32_t)n;
    }
    return s->input_end;
}

/* ---- Filling blocks ------------------------------------------------------ */

/* Hand over the block being filled and wait for the next. */
static int hand_over(struct image_stream *s)
{
    s->sizes[s->filling % BLOCKS] = s->filled;
    plat_semaphore_post(s->full);
    s->filling++;
    s->filled = 0;
    plat_semaphore_wait(s->empty);
    return atomic_load(&s->stop) ? -LX_EINTR : 0;
}

static int damaged(struct image_stream *s, const char *format, const char *what)
{
    return core_diag_set(&s->diag, -LX_EINVAL, "%s: the %s data is %s; " AGAIN, s->name, format,
                         what);
}

/* Read the header of a gzip member. */
static int gzip_header(struct image_stream *s, struct inflate_state *state)
{
    struct isal_gzip_header header;
    isal_gzip_header_init(&header);
    for (;;) {
        int64_t n = fill_input(s, 1);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return damaged(s, "gzip", "truncated");
        state->next_in = s->input + s->input_start;
        state->avail_in = (uint32_t)n;
        int result = isal_read_gzip_header(state, &header);
        s->input_start = s->input_end - state->avail_in;
        if (result == ISAL_DECOMP_OK)
            return 0;
        if (result != ISAL_END_INPUT)
            return damaged(s, "gzip", "damaged (its header)");
    }
}

/* Inflate one member's data and check its length and CRC. */
static int gzip_member(struct image_stream *s, struct inflate_state *state)
{
    while (state->block_state != ISAL_BLOCK_FINISH) {
        int64_t n = fill_input(s, 1);
        if (n < 0)
            return (int)n;
        uint32_t before = s->filled;
        state->next_in = s->input + s->input_start;
        state->avail_in = (uint32_t)n;
        state->next_out = block(s, s->filling) + s->filled;
        state->avail_out = IMAGE_STREAM_BLOCK - s->filled;
        int result = isal_inflate(state);
        s->input_start = s->input_end - state->avail_in;
        s->filled = IMAGE_STREAM_BLOCK - state->avail_out;
        if (result == ISAL_INCORRECT_CHECKSUM)
            return damaged(s, "gzip", "damaged (its checksum differs)");
        if (result != ISAL_DECOMP_OK)
            return damaged(s, "gzip", "damaged");
        if (n == 0 && s->filled == before && state->block_state != ISAL_BLOCK_FINISH)
            return damaged(s, "gzip", "truncated");
        if (s->filled == IMAGE_STREAM_BLOCK) {
            int err = hand_over(s);
            if (err < 0)
                return err;
        }
    }
    return 0;
}

/* Members back to back; zeros or anything else after the last one are ignored, as by gzip(1). */
static int run_gzip(struct image_stream *s)
{
    struct inflate_state *state = malloc(sizeof *state);
    if (!state)
        return -LX_ENOMEM;
    int err;
    int64_t n;
    do {
        isal_inflate_init(state);
        err = gzip_header(s, state);
        state->crc_flag = ISAL_GZIP_NO_HDR_VER;
        if (err == 0)
            err = gzip_member(s, state);
        n = err < 0 ? err : fill_input(s, 2);
    } while (n >= 2 && s->input[s->input_start] == 0x1f && s->input[s->input_start + 1] == 0x8b);
    free(state);
    return n < 0 ? (int)n : 0;
}

static int run_plain(struct image_stream *s)
{
    for (;;) {
        uint32_t room = IMAGE_STREAM_BLOCK - s->filled;
        uint32_t unread = s->input_end - s->input_start;
        int64_t n;
        if (unread) {
            n = unread < room ? unread : room;
            memcpy(block(s, s->filling) + s->filled, s->input + s->input_start, (size_t)n);
            s->input_start += (uint32_t)n;
        } else {
            n = read_source(s, block(s, s->filling) + s->filled, room);
        }
        if (n <= 0)
            return (int)n;
        s->filled += (uint32_t)n;
        if (s->filled == IMAGE_STREAM_BLOCK) {
            int err = hand_over(s);
            if (err < 0)
                return err;
        }
    }
}

static la_ssize_t filter_input(struct archive *a, void *stream, const void **data)
{
    struct image_stream *s = stream;
    int64_t n = fill_input(s, 1);
    *data = s->input + s->input_start;
    s->input_start = s->input_end;
    if (n < 0) {
        archive_set_error(a, LX_EIO, "%s", core_diag_strerror((int)n));
        s->err = (int)n;
        return ARCHIVE_FATAL;
    }
    return (la_ssize_t)n;
}

/* Through libarchive's filters, with its "raw" format: bytes, whatever they are. */
static int run_filter(struct image_stream *s, const char *format)
{
    struct archive *a = archive_read_new();
    if (!a)
        return -LX_ENOMEM;
    struct archive_entry *entry;
    archive_read_support_format_raw(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_bzip2(a);
    archive_read_set_read_callback(a, filter_input);
    archive_read_set_callback_data(a, s);

    int err = 0;
    int64_t n = archive_read_open1(a);
    if (n == ARCHIVE_OK)
        n = archive_read_next_header(a, &entry);
    if (n == ARCHIVE_OK) {
        do {
            n = archive_read_data(a, block(s, s->filling) + s->filled,
                                  IMAGE_STREAM_BLOCK - s->filled);
            if (n > 0)
                s->filled += (uint32_t)n;
            if (s->filled == IMAGE_STREAM_BLOCK)
                err = hand_over(s);
        } while (n > 0 && err == 0);
    }
    if (s->err < 0) {
        err = s->err; /* the source's, with its message */
    } else if (n < 0 && n != ARCHIVE_EOF) {
        const char *text = archive_error_string(a);
        err = core_diag_set(&s->diag, -LX_EINVAL,
                            "%s: the %s data is damaged or truncated (%s); " AGAIN, s->name, format,
                            text ? text : "no reason given");
    }
    archive_read_free(a);
    return err;
}

const char *image_stream_format(const uint8_t *data, uint64_t size)
{
    static const struct {
        const char *format, *magic;
        uint32_t size;
    } rows[] = {
        {"gzip", "\x1f\x8b", 2},
        {"zstd", "\x28\xb5\x2f\xfd", 4},
        {"xz", "\xfd\x37zXZ\0", 6},
        {"bzip2", "BZh", 3},
    };
    for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (size >= rows[i].size && !memcmp(data, rows[i].magic, rows[i].size))
            return rows[i].format;
    return NULL;
}

static int unpack(struct image_stream *s)
{
    int64_t n = fill_input(s, IMAGE_STREAM_MAGIC);
    if (n < 0)
        return (int)n;
    if (n == 0)
        return core_diag_set(&s->diag, -LX_EINVAL, "%s: the archive is empty; " AGAIN, s->name);
    const char *format = image_stream_format(s->input, (uint64_t)n);
    s->plain = !format;
    if (s->plain)
        return run_plain(s);
    return strcmp(format, "gzip") == 0 ? run_gzip(s) : run_filter(s, format);
}

static void run(void *stream)
{
    struct image_stream *s = stream;
    core_diag_set(&s->diag, 0, "%s: out of memory while unpacking", s->name);
    int err = unpack(s);
    if (err == 0 && s->filled)
        err = hand_over(s);
    s->err = err;
    s->sizes[s->filling % BLOCKS] = 0;
    plat_semaphore_post(s->full);
}

/* ---- The consumer's side ------------------------------------------------- */

static int start(struct image_stream *s)
{
    s->memory = malloc((size_t)BLOCKS * IMAGE_STREAM_BLOCK);
    s->input = malloc(INPUT_SIZE);
    if (!s->memory || !s->input)
        return -LX_ENOMEM;
    int err = plat_semaphore_new(BLOCKS - 1, &s->empty); /* the thread has one already */
    if (err == 0)
        err = plat_semaphore_new(0, &s->full);
    if (err == 0)
        err = plat_worker_start(run, s, &s->worker);
    return err;
}

int image_stream_open(struct core_source *source, const char *name, struct core_diag *diag,
                      struct image_stream **out)
{
    *out = NULL;
    int err = -LX_ENOMEM;
    struct image_stream *s = calloc(1, sizeof *s);
    if (s) {
        s->source = source;
        s->name = name;
        s->consumer_diag = diag;
        err = start(s);
    }
    if (err < 0) {
        image_stream_close(s);
        return core_diag_set(diag, err, "%s: cannot start unpacking: %s", name,
                             core_diag_strerror(err));
    }
    *out = s;
    return 0;
}

void image_stream_close(struct image_stream *s)
{
    if (!s)
        return;
    if (s->worker) {
        atomic_store(&s->stop, 1);
        plat_semaphore_post(s->empty);
        plat_worker_join(s->worker);
    }
    if (s->empty)
        plat_semaphore_free(s->empty);
    if (s->full)
        plat_semaphore_free(s->full);
    free(s->input);
    free(s->memory);
    free(s);
}

int64_t image_stream_next(struct image_stream *s, const uint8_t **data)
{
    *data = NULL;
    if (s->ended)
        return s->err;
    if (s->taken >= KEPT)
        plat_semaphore_post(s->empty);
    plat_semaphore_wait(s->full);
    uint32_t size = s->sizes[s->taken % BLOCKS];
    if (size == 0) {
        s->ended = 1;
        if (s->err < 0)
            *s->consumer_diag = s->diag;
        return s->err;
    }
    *data = block(s, s->taken++);
    return size;
}

uint64_t image_stream_consumed(const struct image_stream *s)
{
    return atomic_load(&s->consumed);
}

int image_stream_is_plain(const struct image_stream *s)
{
    return s->ended && s->plain;
}
