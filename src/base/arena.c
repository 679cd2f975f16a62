/* base/arena.c - chunks in a row, given back together */
#include "base/arena.h"
#include "base/check.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_CHUNK_BYTES = 4096 - 32, ARENA_ALIGN = 16 };

struct arena_chunk {
    struct arena_chunk *next;
    _Alignas(ARENA_ALIGN) char at[];
};

void *arena_alloc(struct arena *a, size_t bytes)
{
    CHECK(bytes < SIZE_MAX / 2);
    size_t need = (bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);

    if (!a->first || a->chunk_bytes - a->used_bytes < need) {
        size_t room = need > ARENA_CHUNK_BYTES ? need : ARENA_CHUNK_BYTES;
        struct arena_chunk *chunk = calloc(1, sizeof *chunk + room);
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

struct text arena_copy(struct arena *a, struct text t)
{
    char *at = arena_alloc(a, t.bytes + 1);

    if (t.bytes)
        memcpy(at, t.at, t.bytes);
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
    char *at = arena_alloc(a, (size_t)bytes + 1);
    vsnprintf(at, (size_t)bytes + 1, format, again);
    va_end(again);
    return at;
}

void arena_fini(struct arena *a)
{
    for (struct arena_chunk *chunk = a->first, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    *a = (struct arena){ 0 };
}
