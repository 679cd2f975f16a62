/* base/blob.h - immutable bytes made once and sent to many */
#pragma once
#include "base/text.h"
#include <stdint.h>

struct blob {
    uint32_t refs;
    size_t bytes;
    char at[];                      /* ended by 0 beyond its length */
};

/* A new blob with one reference and room for bytes; the maker fills at[] before sharing it. */
struct blob *blob_new(size_t bytes);
struct blob *blob_copy(struct text t);
struct blob *blob_ref(struct blob *b);          /* one more owner; returns b */
void blob_free(struct blob **b);                /* one owner less; NULLs; NULL is fine */
static inline struct text blob_text(const struct blob *b)
{
    return (struct text){ b->at, b->bytes };
}
