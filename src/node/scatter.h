/* node/scatter.h - one frame for several nodes: each gets it with the places that are its own */
#pragma once
#include "node/links.h"

enum { SCATTER_ROOM = 512 };

/* A node that should have got something did not: the bound of its link was reached. */
typedef void scatter_dropped_fn(void *ctx, uint32_t node);

struct scatter {
    struct links *links;
    struct frame frame;             /* without places; what it borrows lives until scatter_send() */
    scatter_dropped_fn *dropped;
    void *ctx;
    uint32_t count;
    struct scatter_one {
        uint32_t node;
        struct frame_place place;
    } one[SCATTER_ROOM];
};

/* dropped may be NULL: losing it costs nothing but time. */
void scatter_init(struct scatter *s, struct links *l, const struct frame *f, scatter_dropped_fn *dropped, void *ctx);
/* What is too much for one round is sent at once. */
void scatter_add(struct scatter *s, uint32_t node, struct frame_place place);
void scatter_send(struct scatter *s);
