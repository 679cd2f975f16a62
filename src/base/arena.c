/* base/arena.c - chunks in a row, given back together */
#include "base/arena.h"
#include "base/check.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* malloc's own 16 bytes and the chunk's are inside: a size class of the allocator is filled. */
enum { ARENA_FIRST_BYTES = 512 - 32, ARENA_CHUNK_BYTES = 4096 - 32, ARENA_ALIGN = 16 };

struct arena_chunk {
    struct arena_chunk *next;
    _Alignas(ARENA_ALIGN) char at[];
};

/* Not zeroed. */
static void *arena_take(struct arena *a, size_t bytes)
{
    CHECK(bytes < SIZE_MAX / 2);
    size_t need = (bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);

    if (!a->first || a->chunk_bytes - a->used_bytes < need) {
        size_t least = a->first ? ARENA_CHUNK_BYTES : ARENA_FIRST_BYTES;
        size_t room = need > least ? need : least;
        struct arena_chunk *chunk =
            a->pool ? pool_take(a->pool, sizeof *chunk + room) : malloc(sizeof *chunk + room);
        CHECK(chunk);
        chunk->next = a->first;
        a->first = chunk;
        a->used_bytes = 0;
        a->chunk_bytes = room;
        a->total_bytes += sizeof *chunk + room;
    }
    void *p = a->first->at + a->used_bytes;
    a->used_bytes += need;
    return p;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    void *p = arena_take(a, bytes);

    memset(p, 0, bytes);
    return p;
}

struct text arena_copy(struct arena *a, struct text t)
{
    if (t.bytes == 0)
        return TEXT("");
    char *at = arena_take(a, t.bytes + 1);

    memcpy(at, t.at, t.bytes);
    at[t.bytes] = 0;
    return (struct text){ at, t.bytes };
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    int bytes = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(bytes >= 0);
    char *at = arena_take(a, (size_t)bytes + 1);
    vsnprintf(at, (size_t)bytes + 1, format, again);
    va_end(again);
    return at;
}

void arena_fini(struct arena *a)
{
    for (struct arena_chunk *chunk = a->first, *next; chunk; chunk = next) {
        next = chunk->next;
        if (a->pool)
            pool_give(a->pool, chunk);
        else
            free(chunk);
    }
    *a = (struct arena){ .pool = a->pool };
}
