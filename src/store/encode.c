/* store/encode.c - numbers, texts and arrays, big endian, one behind the other
 *
 * An array is: dimensions, whether it has nulls, the type of its items, then items and lower bound of its one
 * dimension, then each item with its length before it. An empty array has no dimension at all.
 */
#include "store/encode.h"

#include "base/check.h"
#include <endian.h>
#include <stdlib.h>

static char *encode_more(struct encode *e, size_t bytes)
{
    if (e->bytes + bytes >= e->room) { /* never NULL, which would be SQL's NULL */
        e->room = (e->bytes + bytes) * 2 + 1024;
        e->at = realloc(e->at, e->room);
        CHECK(e->at);
    }
    char *at = e->at + e->bytes;
    e->bytes += bytes;
    return at;
}

static void encode_u32(struct encode *e, uint32_t n)
{
    n = htobe32(n);
    memcpy(encode_more(e, sizeof n), &n, sizeof n);
}

static void encode_u64(struct encode *e, uint64_t n)
{
    n = htobe64(n);
    memcpy(encode_more(e, sizeof n), &n, sizeof n);
}

static void encode_bytes(struct encode *e, struct text t)
{
    if (t.bytes)
        memcpy(encode_more(e, t.bytes), t.at, t.bytes);
}

void encode_reset(struct encode *e)
{
    e->bytes = 0;
    e->count = 0;
}

void encode_fini(struct encode *e)
{
    free(e->at);
    *e = (struct encode){ 0 };
}

static void encode_begin(struct encode *e)
{
    CHECK(e->count < ENCODE_PARAMS_MAX);
    e->begin[e->count++] = e->bytes;
}

/* Every write ends here: the parameter reaches to where the bytes end. */
static void encode_end(struct encode *e)
{
    CHECK(e->count > 0);
    e->end[e->count - 1] = e->bytes;
}

void encode_int8(struct encode *e, uint64_t n)
{
    CHECK(n <= INT64_MAX);
    encode_begin(e);
    encode_u64(e, n);
    encode_end(e);
}

void encode_text(struct encode *e, struct text t)
{
    encode_begin(e);
    encode_more(e, 0);
    encode_bytes(e, t);
    encode_end(e);
}

void encode_array(struct encode *e, enum encode_type type, uint32_t count)
{
    encode_begin(e);
    encode_u32(e, count ? 1 : 0);
    encode_u32(e, 1); /* nulls may follow */
    encode_u32(e, type);
    if (count) {
        encode_u32(e, count);
        encode_u32(e, 1);
    }
    encode_end(e);
}

void encode_item_int8(struct encode *e, uint64_t n)
{
    encode_u32(e, sizeof n);
    encode_u64(e, n);
    encode_end(e);
}

void encode_item_int4(struct encode *e, uint32_t n)
{
    encode_u32(e, sizeof n);
    encode_u32(e, n);
    encode_end(e);
}

void encode_item_int2(struct encode *e, uint16_t n)
{
    encode_u32(e, sizeof n);
    n = htobe16(n);
    memcpy(encode_more(e, sizeof n), &n, sizeof n);
    encode_end(e);
}

void encode_item_text(struct encode *e, struct text t)
{
    CHECK(t.bytes <= INT32_MAX);
    encode_u32(e, (uint32_t)t.bytes);
    encode_bytes(e, t);
    encode_end(e);
}

void encode_item_null(struct encode *e)
{
    encode_u32(e, UINT32_MAX);
    encode_end(e);
}
