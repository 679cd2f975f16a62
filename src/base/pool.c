/* base/pool.c - blocks of the heap that were given back, kept for the next who wants as much
 *
 * The allocator knows how large each of its blocks is, so no size is written down here, and none has to be told when a
 * block comes back. A block's room is a multiple of 16 and 8 more (the head of the next one is not needed while this
 * one is used); where it is not, the block is not kept.
 */
#include "base/pool.h"
#include "base/check.h"
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_BYTES = 16, ROOM_BYTES_MIN = 24, ROOM_MORE_BYTES = 8 };

void pool_init(struct pool *p, size_t bytes_max)
{
    *p = (struct pool){ .bytes_max = bytes_max };
}

void pool_fini(struct pool *p)
{
    for (unsigned k = 0; k < POOL_SIZES; k++) {
        for (struct pool_block *b = p->kept[k], *next; b; b = next) {
            next = b->next;
            free(b);
        }
    }
    *p = (struct pool){ 0 };
}

/* Which list has blocks with room for so much: that of the smallest block that malloc() would give. */
static size_t pool_size(size_t bytes)
{
    return bytes <= ROOM_BYTES_MIN ? 0 : (bytes - ROOM_MORE_BYTES - 1) / STEP_BYTES;
}

void *pool_take(struct pool *p, size_t bytes)
{
    size_t size = pool_size(bytes);
    struct pool_block *b;

    if (size < POOL_SIZES && (b = p->kept[size])) {
        p->kept[size] = b->next;
        p->bytes -= ROOM_BYTES_MIN + size * STEP_BYTES;
        if (--p->count[size] < p->least[size])
            p->least[size] = p->count[size];
        return b;
    }
    b = malloc(bytes);
    CHECK(b || bytes == 0);
    return b;
}

void *pool_take_zeroed(struct pool *p, size_t bytes)
{
    return memset(pool_take(p, bytes), 0, bytes);
}

void pool_give(struct pool *p, void *block)
{
    struct pool_block *b = block;
    size_t room = POOL_KEEPS && b ? malloc_usable_size(b) : 0, size = pool_size(room);

    if (room < ROOM_BYTES_MIN || room != ROOM_BYTES_MIN + size * STEP_BYTES || size >= POOL_SIZES ||
        p->bytes + room > p->bytes_max) {
        free(b);
        return;
    }
    b->next = p->kept[size];
    p->kept[size] = b;
    p->count[size]++;
    p->bytes += room;
}

void pool_trim(struct pool *p)
{
    for (unsigned size = 0; size < POOL_SIZES; size++) {
        for (uint32_t n = p->least[size]; n > 0; n--) {
            struct pool_block *b = p->kept[size];

            p->kept[size] = b->next;
            p->count[size]--;
            p->bytes -= ROOM_BYTES_MIN + size * STEP_BYTES;
            free(b);
        }
        p->least[size] = p->count[size];
    }
}
