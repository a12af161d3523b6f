/* SPDX-License-Identifier: MIT */
/* Standard input and output as those who read and write archives want them. */

#include "streams.h"

#include "lx/errno.h"
#include "plat/plat.h"

static int write_output(struct image_sink *sink, const void *data, uint64_t size)
{
    struct cmd_output *o = (struct cmd_output *)sink;
    const uint8_t *from = data;
    while (size) {
        int64_t n = o->file ? plat_file_pwrite(o->file, from, size, o->size)
                            : plat_stream_write(1, from, size);
        if (n <= 0)
            return n < 0 ? (int)n : -LX_ENOSPC;
        o->size += (uint64_t)n;
        from += n;
        size -= (uint64_t)n;
    }
    return 0;
}

int cmd_output_open(struct cmd_output *out, const char *path, struct core_diag *diag)
{
    struct plat_stream_info info;
    *out = (struct cmd_output){.sink.write = write_output};
    if (!path) {
        if (plat_stream_info(1, &info) == 0 && info.kind == PLAT_STREAM_CONSOLE)
            return core_diag_set(diag, -LX_EINVAL,
                                 "an archive is nothing for a terminal; send it to a file");
        return 0;
    }
    int err =
        plat_file_open(path, PLAT_FILE_WRITE | PLAT_FILE_CREATE | PLAT_FILE_TRUNCATE, &out->file);
    return err < 0 ? core_diag_set(diag, err, "cannot write %s: %s", path, core_diag_strerror(err))
                   : 0;
}

void cmd_output_close(struct cmd_output *o)
{
    if (o->file)
        plat_file_close(o->file);
    o->file = NULL;
}

static int64_t read_input(struct core_source *s, void *buf, uint64_t size)
{
    (void)s;
    return plat_stream_read(0, buf, size);
}

struct core_source cmd_input(void)
{
    return (struct core_source){.read = read_input};
}
