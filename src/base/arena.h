/* base/arena.h - memory that dies all at once, with the object that owns it */
#pragma once
#include "base/pool.h"
#include "base/text.h"
#include <stdint.h>

/* Starts empty (all zero is a valid empty arena) and takes a chunk of 512 bytes, then such of 4 KiB, or what is asked
 * for. */
struct arena {
    struct arena_chunk *first;
    size_t used_bytes, chunk_bytes; /* of the newest chunk */
    size_t total_bytes;             /* of all chunks */
    struct pool *pool;              /* the chunks come from there; NULL: from malloc() */
};

/* Never NULL (out of memory aborts); aligned for any type; zeroed. */
void *arena_alloc(struct arena *a, size_t bytes);
/* A copy that ends with a 0 beyond its length. */
struct text arena_copy(struct arena *a, struct text t);
/* A formatted string, ended by 0. */
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Gives everything back; the arena is empty and can be used again. The pool, if it has one, must be there still. */
void arena_fini(struct arena *a);
