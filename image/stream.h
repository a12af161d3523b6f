/* SPDX-License-Identifier: MIT */
#ifndef IMAGE_STREAM_H
#define IMAGE_STREAM_H

/*
 * An archive's bytes, unpacked on a thread of their own and handed over in
 * blocks.  gzip is inflated by ISA-L, which picks what the processor can do;
 * zstd, xz and bzip2 by libarchive's filters; anything else passes as it is.
 *
 * Source   RFC 1952; gzip(1) for what may follow the data.
 * Threads  one consumer.
 * Errors   -LX_EINVAL: damaged or truncated; what the source returns; -LX_ENOMEM.
 */

#include <stdint.h>

#include "core/diag.h"
#include "core/source.h"
#include "lx/compiler.h"

#define IMAGE_STREAM_BLOCK (512u << 10)
#define IMAGE_STREAM_MAGIC 6u /* bytes that tell how an archive is packed */

struct image_stream;

/* How an archive that begins so is packed: "gzip", "zstd", "xz", "bzip2", or NULL if it is not. */
const char *image_stream_format(const uint8_t *data, uint64_t size);

/*
 * Start unpacking `source`, which the stream's thread reads until it is closed.
 *   name     of the archive, for messages; borrowed.
 *   diag     filled here, and by image_stream_next(); borrowed.
 */
MUST_USE int image_stream_open(struct core_source *source, const char *name, struct core_diag *diag,
                               struct image_stream **out);

/* Stop the thread, wherever it is, and wait for it. */
void image_stream_close(struct image_stream *s);

/*
 * Wait for the next block: all are IMAGE_STREAM_BLOCK long but the last.
 *   data     valid until the second call after this one.
 *   returns  its bytes; 0 at the end, which the archive's checksums have confirmed.
 */
MUST_USE int64_t image_stream_next(struct image_stream *s, const uint8_t **data);

/* How many bytes of the source have been read so far. */
uint64_t image_stream_consumed(const struct image_stream *s);

/* Is the archive not packed, so that no checksum confirms its end?  To be asked after it. */
int image_stream_is_plain(const struct image_stream *s);

#endif
