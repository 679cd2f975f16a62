/* base/blob.c - reference counted immutable bytes */
#include "base/blob.h"
#include "base/check.h"
#include <stdlib.h>

struct blob *blob_new(size_t bytes)
{
    CHECK(bytes < SIZE_MAX / 2);
    struct blob *b = malloc(sizeof *b + bytes + 1);
    CHECK(b);
    b->refs = 1;
    b->bytes = bytes;
    b->at[bytes] = 0;
    return b;
}

struct blob *blob_copy(struct text t)
{
    struct blob *b = blob_new(t.bytes);

    if (t.bytes)
        memcpy(b->at, t.at, t.bytes);
    return b;
}

struct blob *blob_ref(struct blob *b)
{
    CHECK(b->refs > 0 && b->refs < UINT32_MAX);
    b->refs++;
    return b;
}

void blob_free(struct blob **b)
{
    struct blob *old = *b;

    *b = NULL;
    if (!old)
        return;
    CHECK(old->refs > 0);
    if (--old->refs == 0)
        free(old);
}
