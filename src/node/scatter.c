/* node/scatter.c - places sorted by node, a frame for each */
#include "node/scatter.h"
#include "base/check.h"
#include <stdlib.h>

void scatter_init(struct scatter *s, struct links *l, const struct frame *f, scatter_dropped_fn *dropped,
                  void *ctx)
{
    s->links = l;
    s->frame = *f;
    s->dropped = dropped;
    s->ctx = ctx;
    s->count = 0;
}

static int scatter_compare(const void *a, const void *b)
{
    const struct scatter_one *x = a, *y = b;

    return x->node < y->node ? -1 : x->node > y->node;
}

static void scatter_say(struct scatter *s, const struct scatter_one *one, uint32_t count)
{
    struct frame_place place[SCATTER_ROOM];
    struct frame f = s->frame;

    for (uint32_t k = 0; k < count; k++)
        place[k] = one[k].place;
    f.place = place;
    f.places = count;
    struct blob *encoded = frame_encode(&f);
    bool is_queued = links_send(s->links, one->node, encoded);
    blob_free(&encoded);
    if (!is_queued && s->dropped)
        s->dropped(s->ctx, one->node);
}

void scatter_add(struct scatter *s, uint32_t node, struct frame_place place)
{
    if (s->count == SCATTER_ROOM)
        scatter_send(s);
    s->one[s->count++] = (struct scatter_one){ node, place };
}

void scatter_send(struct scatter *s)
{
    uint32_t first = 0;

    if (s->count > 1)
        qsort(s->one, s->count, sizeof *s->one, scatter_compare);
    for (uint32_t k = 1; k <= s->count; k++) {
        if (k < s->count && s->one[k].node == s->one[first].node)
            continue;
        scatter_say(s, &s->one[first], k - first);
        first = k;
    }
    s->count = 0;
}
