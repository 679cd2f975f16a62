/* base/pool.h - blocks of the heap that were given back, kept for the next who wants as much */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* A turn frees hundreds of blocks of a few sizes, and the next one takes as many again: here that costs a tenth of
 * what malloc() and free() take. Every block is one of malloc's own, and may also be given to free(), or come from
 * malloc(). For one thread. In a build with sanitizers nothing is kept, so that they see every use of what was freed. */
enum { POOL_BLOCK_BYTES_MAX = 1024, POOL_SIZES = POOL_BLOCK_BYTES_MAX / 16 };

#if defined(__SANITIZE_ADDRESS__)
#define POOL_KEEPS 0
#elif defined(__has_feature)
#define POOL_KEEPS !__has_feature(address_sanitizer)
#else
#define POOL_KEEPS 1
#endif

struct pool_block {
    struct pool_block *next;
};
struct pool {                       /* all zero: empty, keeps nothing */
    size_t bytes_max;               /* of what is kept */
    size_t bytes;
    struct pool_block *kept[POOL_SIZES];    /* by size */
    uint32_t count[POOL_SIZES], least[POOL_SIZES];  /* of them; and since the last trim */
};

void pool_init(struct pool *p, size_t bytes_max);
void pool_fini(struct pool *p);     /* what is kept goes; what is used stays valid */
/* Never NULL (out of memory aborts), not zeroed; of any size: what is large comes from malloc(). */
void *pool_take(struct pool *p, size_t bytes);
void *pool_take_zeroed(struct pool *p, size_t bytes);
void pool_give(struct pool *p, void *block);    /* NULL is fine */
/* Gives back to malloc() what nobody wanted since the last time. */
void pool_trim(struct pool *p);
