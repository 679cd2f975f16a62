/* lib/ways.h - which way to take to the server's events, and for how long to leave one aside */
#pragma once
#include "lib/backoff.h"
#include "lib/feed.h"
#include "posthorn_types.h"

enum {
    WAYS_MOST = 6,
    WAYS_NONE = -1,
    WAYS_ASIDE_LEAST_MS = 30 * 1000,        /* doubled by each failure in a row ... */
    WAYS_ASIDE_MOST_MS = 30 * 60 * 1000,    /* ... up to this */
    WAYS_GOOD_MS = 2 * 60 * 1000,           /* a way that lived so long is a good one */
    WAYS_STEADY_MS = 5 * 1000,              /* a connection that lasted so long was no refusal */
    WAYS_AGAIN_IN_PLACE = 2,                /* a way that worked and broke is tried again so often */
};

struct way {
    enum feed_way way;
    enum feed_http http;    /* FEED_HTTP_ANY: what the connection speaks */
};

struct ways_one {
    struct way way;
    unsigned fails;             /* since it was good */
    unsigned breaks;            /* after it had worked, since it was good or aside */
    uint64_t aside_until_ms;    /* clock_ms(); 0: it is not aside */
    enum feed_end why;          /* why it is aside */
};

struct ways {
    struct ways_one at[WAYS_MOST];      /* the best first */
    int count;
    struct backoff backoff;
};

/* How a way ended. */
struct ways_end {
    enum feed_end end;
    bool was_live;
    uint64_t lived_ms;      /* since it was live */
    bool is_busy;           /* refused, but only for now: 429, or a 503 of Posthorn's own */
    uint32_t retry_ms;      /* the server's word; 0: none */
};

/* The ways that the choice leaves, none of them aside. */
void ways_init(struct ways *w, enum posthorn_transport transport, enum posthorn_http http);
/* The best that is not aside at now_ms; WAYS_NONE: all are. */
int ways_best(const struct ways *w, uint64_t now_ms);
/* When the first of those better than n may be tried; UINT64_MAX: n is the best. */
uint64_t ways_better_due_ms(const struct ways *w, int n);
/* Way n ended. Answers for how many ms to wait before the next is begun, which is ways_best() again. */
uint32_t ways_ended(struct ways *w, int n, const struct ways_end *e, uint64_t now_ms);
/* All are aside: answers for how many ms to wait; then some are not. */
uint32_t ways_nothing(struct ways *w, uint64_t now_ms);
/* Events came: the server is there. */
void ways_worked(struct ways *w);
