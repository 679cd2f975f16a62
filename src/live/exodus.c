/* live/exodus.c - one part of the users after the other */
#include "live/exodus.h"

void exodus_begin(struct exodus *e, uint32_t clients)
{
    uint32_t shares = 1 + clients / EXODUS_SHARE;

    *e = (struct exodus){ .shares = shares < EXODUS_SHARES_MAX ? shares : EXODUS_SHARES_MAX };
}

bool exodus_step(struct exodus *e, struct hub *h)
{
    if (e->next == e->shares) {
        *e = (struct exodus){ 0 };
        return false;
    }
    hub_end(h, e->next++, e->shares);
    return true;
}
