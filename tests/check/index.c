/* check/index.c - open addressing, in steps of one; grows by doubling */
#include "check/index.h"
#include "base/check.h"
#include <stdlib.h>

enum { INDEX_FIRST = 1024 };

uint64_t index_hash(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);

    h = (h ^ h >> 32 ^ b) * UINT64_C(0xc4ceb9fe1a85ec53);
    h = (h ^ h >> 29) * UINT64_C(0xff51afd7ed558ccd);
    return h ^ h >> 32;
}

static void index_set(struct index *x, struct index_slot s)
{
    size_t at = s.hash & x->mask;

    while (x->slot[at].entry != INDEX_NONE)
        at = (at + 1) & x->mask;
    x->slot[at] = s;
}

static void index_grow(struct index *x)
{
    struct index old = *x;
    size_t room = old.slot ? (old.mask + 1) * 2 : INDEX_FIRST;

    x->slot = malloc(room * sizeof *x->slot);
    CHECK(x->slot);
    x->mask = room - 1;
    for (size_t k = 0; k < room; k++)
        x->slot[k].entry = INDEX_NONE;
    for (size_t k = 0; old.slot && k <= old.mask; k++)
        if (old.slot[k].entry != INDEX_NONE)
            index_set(x, old.slot[k]);
    free(old.slot);
}

void index_put(struct index *x, uint64_t hash, uint32_t entry)
{
    CHECK(entry != INDEX_NONE);
    if (!x->slot || x->count * 2 > x->mask)
        index_grow(x);
    index_set(x, (struct index_slot){ (uint32_t)hash, entry });
    x->count++;
}

uint32_t index_find(const struct index *x, uint64_t hash, size_t *at)
{
    if (!x->slot)
        return INDEX_NONE;
    *at = *at == SIZE_MAX ? (uint32_t)hash & x->mask : (*at + 1) & x->mask;
    while (x->slot[*at].entry != INDEX_NONE && x->slot[*at].hash != (uint32_t)hash)
        *at = (*at + 1) & x->mask;
    return x->slot[*at].entry;
}

void index_fini(struct index *x)
{
    free(x->slot);
    *x = (struct index){ 0 };
}
