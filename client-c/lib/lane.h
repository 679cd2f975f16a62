/* lib/lane.h - a way that is being used or tried: a feed, and the connections that it runs on */
#pragma once
#include "lib/http.h"
#include "lib/ways.h"

struct posthorn;

struct lane {
    struct posthorn *p;
    struct http *http;          /* NULL: nothing is open */
    bool owns_http;             /* else it is the one of the requests */
    struct feed *feed;
    struct way way;
    int index;                  /* among the ways; WAYS_NONE: of an earlier choice */
    unsigned moves;             /* of the nodes, when it was opened */
    uint64_t since_ms;          /* when it was opened */
    uint64_t live_ms;           /* when it was seen to work; 0: not yet */
    uint64_t heard_ms;          /* when a batch last came */
    unsigned quiet;             /* empty batches in a row */
    bool has_ended;
    enum feed_end end;
    struct posthorn_problem problem;
    uint32_t retry_ms;
    void (*batch)(struct posthorn *p, struct posthorn_answer *a);   /* takes it over */
    void (*signal)(struct posthorn *p, struct posthorn_answer *a);  /* takes it over */
};

/* Opens a feed on http. l->p, batch and signal are set; everything else is set here. */
void lane_open(struct lane *l, struct http *http, bool owns_http, struct way way, int index,
               const char *cursor, const char *token, uint32_t hold_s, uint64_t now_ms);
bool lane_is_open(const struct lane *l);
bool lane_is_live(const struct lane *l);
/* Moves the watch on, and sees whether it has become live. */
void lane_step(struct lane *l, uint64_t now_ms);
uint64_t lane_due_ms(const struct lane *l);
/* Closes the feed, and the connections if they are its own. */
void lane_close(struct lane *l);
/* "WebSocket over HTTP/2, direct". */
void lane_words(const struct lane *l, char *into, size_t room);
/* Why it ended, in words that a person understands, into l->problem if nobody said more. */
void lane_explain(struct lane *l);
/* The server sent us away from this node, and not only from this way. */
bool lane_is_sent_away(const struct lane *l);
/* How it ended, as the choice of ways wants to know it. */
struct ways_end lane_end(const struct lane *l, uint64_t now_ms);
