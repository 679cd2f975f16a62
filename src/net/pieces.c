/* net/pieces.c - what an exchange has to send: shared blobs in order, each with its framing
 *
 * The bytes of a blob that goes to many stand once in memory, however many of its receivers are slow: what is kept
 * for each is a reference, and how far it came.
 */
#include "net/pieces.h"
#include "base/check.h"
#include <stdio.h>

enum { PIECES_FRAME_BYTES = 20, PIECES_PARTS = 3 };

struct piece {
    STAILQ_ENTRY(piece) link;
    struct blob *blob; /* NULL: framing only */
    size_t sent; /* of head, blob and tail together */
    uint8_t head_bytes, tail_bytes;
    char head[PIECES_FRAME_BYTES];
};

static const char tail[] = "\r\n";

void pieces_init(struct pieces *p)
{
    STAILQ_INIT(p);
}

static size_t piece_bytes(const struct piece *one)
{
    return one->head_bytes + (one->blob ? one->blob->bytes : 0) + one->tail_bytes;
}

static size_t add(struct pieces *p, struct pool *pool, struct blob *b, const char *head, size_t tail_bytes)
{
    struct piece *one = pool_take_zeroed(pool, sizeof(*one));

    one->blob = b;
    one->head_bytes = (uint8_t)strlen(head);
    one->tail_bytes = (uint8_t)tail_bytes;
    memcpy(one->head, head, one->head_bytes);
    STAILQ_INSERT_TAIL(p, one, link);
    return piece_bytes(one);
}

size_t pieces_add(struct pieces *p, struct pool *pool, struct blob *b, bool is_chunk)
{
    char head[PIECES_FRAME_BYTES] = "";

    if (b->bytes == 0) { /* an empty chunk would end the body */
        blob_free(&b);
        return 0;
    }
    if (is_chunk)
        snprintf(head, sizeof(head), "%zx\r\n", b->bytes);
    return add(p, pool, b, head, is_chunk ? sizeof(tail) - 1 : 0);
}

size_t pieces_add_last_chunk(struct pieces *p, struct pool *pool)
{
    return add(p, pool, NULL, "0\r\n\r\n", 0);
}

/* The three parts of a piece, without what was sent of them; returns how many are left. */
static int parts_of(const struct piece *one, struct iovec into[static PIECES_PARTS])
{
    const struct text whole[PIECES_PARTS] = {
        { one->head, one->head_bytes },
        one->blob ? blob_text(one->blob) : TEXT(""),
        { tail, one->tail_bytes },
    };
    size_t skip = one->sent;
    int count = 0;

    for (int i = 0; i < PIECES_PARTS; i++) {
        size_t now = skip < whole[i].bytes ? skip : whole[i].bytes;

        skip -= now;
        if (now < whole[i].bytes)
            into[count++] = (struct iovec){ (char *)(uintptr_t)whole[i].at + now, whole[i].bytes - now };
    }
    return count;
}

int pieces_parts(const struct pieces *p, struct iovec *into, int count_max, size_t bytes_max)
{
    const struct piece *one;
    size_t bytes = 0;
    int count = 0;

    STAILQ_FOREACH(one, p, link)
    {
        if (count + PIECES_PARTS > count_max || bytes >= bytes_max)
            break;
        count += parts_of(one, into + count);
        bytes += piece_bytes(one) - one->sent;
    }
    return count;
}

size_t pieces_copy(const struct pieces *p, void *into, size_t room)
{
    const struct piece *one;
    size_t copied = 0;

    STAILQ_FOREACH(one, p, link)
    {
        struct iovec parts[PIECES_PARTS];
        int count = parts_of(one, parts);

        for (int i = 0; i < count; i++) {
            size_t bytes = parts[i].iov_len < room - copied ? parts[i].iov_len : room - copied;

            memcpy((char *)into + copied, parts[i].iov_base, bytes);
            copied += bytes;
        }
        if (copied == room)
            break;
    }
    return copied;
}

void pieces_drop(struct pieces *p, struct pool *pool, size_t bytes)
{
    while (bytes) {
        struct piece *one = STAILQ_FIRST(p);
        size_t left;

        CHECK(one);
        left = piece_bytes(one) - one->sent;
        if (bytes < left) {
            one->sent += bytes;
            return;
        }
        bytes -= left;
        STAILQ_REMOVE_HEAD(p, link);
        blob_free(&one->blob);
        pool_give(pool, one);
    }
}

void pieces_clear(struct pieces *p, struct pool *pool)
{
    struct piece *one;

    while ((one = STAILQ_FIRST(p))) {
        STAILQ_REMOVE_HEAD(p, link);
        blob_free(&one->blob);
        pool_give(pool, one);
    }
}
