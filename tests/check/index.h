/* check/index.h - from a hash to the numbers of entries that have it */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INDEX_NONE UINT32_MAX

struct index_slot {
    uint32_t hash, entry;
};
struct index {
    struct index_slot *slot;        /* a power of two of them, at most half in use */
    size_t mask, count;
};

void index_put(struct index *x, uint64_t hash, uint32_t entry);
/* The entries of a hash, one after the other: *at begins at SIZE_MAX; INDEX_NONE: no more. An entry of another hash
 * may be among them: the caller compares. */
uint32_t index_find(const struct index *x, uint64_t hash, size_t *at);
void index_fini(struct index *x);
/* Two numbers that share no pattern with the numbers they are made of. */
uint64_t index_hash(uint64_t a, uint64_t b);
