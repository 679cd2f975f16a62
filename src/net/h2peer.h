/* net/h2peer.h - what an HTTP/2 peer says, and how much of it is too much */
#pragma once
#include "net/conn.h"
#include "net/guard.h"
#include "net/h2mem.h"
#include "net/h2strict.h"
#include <nghttp2/nghttp2.h>

struct h2peer_settings {
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *options;
    struct h2mem *mem;
};

struct h2 {
    nghttp2_session *session;
    struct h2strict strict;
    struct guard resets, glitches, pings, settings, empties, controls;
    uint64_t head_ms; /* since when a header block is not whole; 0: none */
    uint64_t idle_ms; /* since when there was no exchange */
    uint64_t goaway_ms; /* when the first GOAWAY went out; 0: not, or the second did */
    const char *offence; /* why it is to be given up: what there was too much of; NULL: nothing */
    uint32_t offence_code;
    bool is_quitting;
};

/* The callbacks gather requests into exchanges of the connection (nghttp2's user data) and hand them out; they
 * never send. A peer that offends is left to h2.c to give up, outside of nghttp2. */
struct h2peer_settings *h2peer_settings_new(struct pool *pool);
void h2peer_settings_free(struct h2peer_settings **s);
/* Before nghttp2 has what came: what it would let pass is an offence, too. */
void h2peer_input(struct conn *c, const char *at, size_t bytes);
