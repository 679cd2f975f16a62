/* net/pieces.h - what an exchange has to send: shared blobs in order, each with its framing */
#pragma once
#include "base/blob.h"
#include "base/pool.h"
#include <sys/queue.h>
#include <sys/uio.h>

STAILQ_HEAD(pieces, piece);

void pieces_init(struct pieces *p);
/* What is kept of a piece comes from pool and goes back to it, the same one for all that happens to p.
 * Adds a piece; its reference goes to p. is_chunk: with the size line and the end of an HTTP/1.1 chunk around it.
 * Returns the bytes that it is on the wire. */
size_t pieces_add(struct pieces *p, struct pool *pool, struct blob *b, bool is_chunk);
/* The chunk that ends a body. */
size_t pieces_add_last_chunk(struct pieces *p, struct pool *pool);
/* What is to be sent first, borrowed: at most count_max parts and about bytes_max bytes. Returns the count. */
int pieces_parts(const struct pieces *p, struct iovec *into, int count_max, size_t bytes_max);
/* Copies at most room bytes from the front; returns how many. */
size_t pieces_copy(const struct pieces *p, void *into, size_t room);
/* Forgets the first bytes, which must be there. */
void pieces_drop(struct pieces *p, struct pool *pool, size_t bytes);
/* Forgets everything. */
void pieces_clear(struct pieces *p, struct pool *pool);
static inline bool pieces_is_empty(const struct pieces *p)
{
    return STAILQ_EMPTY(p);
}
