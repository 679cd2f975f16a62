/* live/exodus.h - all receivers are sent elsewhere, a share of them at a time: handshakes of all at once hold up everybody */
#pragma once
#include "live/hub.h"

enum {
    EXODUS_SHARE = 5,           /* clients in a share, or ... */
    EXODUS_SHARES_MAX = 100,    /* ... so many shares that it does not last for ever */
};

struct exodus {
    uint32_t next, shares;      /* all 0: none is under way */
};

void exodus_begin(struct exodus *e, uint32_t clients);
/* Sends the next share away (ERR_DRAINING). False: all of them have been, and it is all 0 again. */
bool exodus_step(struct exodus *e, struct hub *h);
