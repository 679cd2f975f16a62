/* node/linksread.c - frames out of a stream of bytes
 *
 * Frames that lie whole in what came are read where they lie; only one that is cut is copied. It is taken out of the
 * reader before it is shown, because whoever looks at it may end the reader.
 */
#include "node/linksread.h"

void linksread_init(struct linksread *r)
{
    buf_init(&r->part, FRAME_BYTES_MAX);
}

void linksread_fini(struct linksread *r)
{
    buf_fini(&r->part);
}

/* Moves bytes of more to the part, until it has so many in all. */
static void fill(struct linksread *r, struct text *more, size_t bytes)
{
    size_t missing = bytes > r->part.bytes ? bytes - r->part.bytes : 0;
    size_t taken = missing < more->bytes ? missing : more->bytes;

    buf_put(&r->part, more->at, taken);
    more->at += taken;
    more->bytes -= taken;
}

/* Goes on with the frame that is cut; false as linksread_put(). */
static bool complete(struct linksread *r, struct text *more, linksread_fn *fn, void *ctx, bool *is_garbage)
{
    struct buf whole;
    uint32_t bytes;
    bool goes_on;

    fill(r, more, FRAME_HEAD_BYTES);
    if (r->part.bytes < FRAME_HEAD_BYTES)
        return true;
    bytes = frame_bytes(r->part.at);
    *is_garbage = bytes == 0;
    if (bytes == 0)
        return false;
    fill(r, more, bytes);
    if (r->part.bytes < bytes)
        return true;
    whole = r->part;
    linksread_init(r);
    goes_on = fn(ctx, buf_text(&whole));
    buf_fini(&whole);
    return goes_on;
}

bool linksread_put(struct linksread *r, struct text bytes, linksread_fn *fn, void *ctx, bool *is_garbage)
{
    *is_garbage = false;
    while (bytes.bytes) {
        uint32_t whole = 0;

        if (r->part.bytes || bytes.bytes < FRAME_HEAD_BYTES ||
            (whole = frame_bytes(bytes.at)) > bytes.bytes) {
            if (!complete(r, &bytes, fn, ctx, is_garbage))
                return false;
            continue;
        }
        *is_garbage = whole == 0;
        if (whole == 0 || !fn(ctx, (struct text){ bytes.at, whole }))
            return false;
        bytes.at += whole;
        bytes.bytes -= whole;
    }
    return true;
}
