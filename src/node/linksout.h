/* node/linksout.h - what we say to one node: the frames that it has not acknowledged, and the stream that carries them */
#pragma once
#include "base/blob.h"
#include "base/loop.h"
#include "node/linksread.h"

struct dial;
struct links_slot;

enum linksout_state {
    LINKSOUT_DOWN,                  /* waiting to try (again), or nobody to talk to */
    LINKSOUT_DIALLING,
    LINKSOUT_GREETED,               /* HELLO was said */
    LINKSOUT_UP,                    /* WELCOME came */
};

struct linksout {
    enum linksout_state state;
    struct dial *dial;
    struct loop_timer retry;
    uint32_t tries;                 /* since it was up last */
    uint64_t heard_ms, said_ms;
    struct linksread read;
    struct blob **kept;             /* a ring of room places, a power of two */
    uint32_t kept_at, kept_count, kept_room;
    uint32_t said;                  /* of those kept: on their way on this stream */
    uint64_t number;                /* of the first one kept, or of the next one */
    uint64_t number_said;           /* the highest that was ever said */
    size_t kept_bytes;
    bool is_dirty;
    const char *why;                /* it broke last; logged once as long as it stays the same */
};

void linksout_init(struct links_slot *s);
void linksout_fini(struct links_slot *s);
/* The peer is there: dials at once. */
void linksout_start(struct links_slot *s);
/* The peer went, or became another; tells down(is_lost). */
void linksout_lose(struct links_slot *s);
/* The stream is of no use; what is kept is said again on the next one. Tells down() if it was up. */
void linksout_break(struct links_slot *s, const char *why);
/* links_send(), for a peer. */
bool linksout_keep(struct links_slot *s, struct blob *frame);
/* One write of everything that was not said. */
void linksout_flush(struct links_slot *s);
/* Pings, and looks whether the peer is silent; looks_away: our own turn was too long to tell. */
void linksout_tick(struct links_slot *s, uint64_t now_ms, bool looks_away);
