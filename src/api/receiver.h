/* api/receiver.h - what the ways to receive have in common: a channel, the exchange it goes out on, a clock */
#pragma once
#include "api/api.h"
#include "base/buf.h"
#include "model/json.h"

/* What GET /v1/events was asked, whatever the way. */
struct receiver_ask {
    struct user_id user;
    struct device_id device;
    struct cursor after;
    uint32_t limit;                 /* events in an answer */
    uint32_t wait_ms;               /* of a poll */
    bool wants_pad, by_cookie;
    struct text token;              /* as sent; valid during the call */
};

struct receiver {
    struct channel channel;         /* first */
    struct api *api;
    struct exchange *x;             /* NULL: answered, lost, or in other hands */
    void (*beat)(struct receiver *r);       /* of streams: it was silent for LIMIT_HEARTBEAT_MS */
    struct loop_timer timer;        /* of polls: the wait; of streams: the next look at the silence */
    uint64_t said_ms;               /* when something was written last */
    uint32_t beats;
};

/* The ways. Each takes x over, and answers it in any case. Whoever asks is known and the cursor was read; the
 * rest is found out behind these calls. */
void poll_open(struct api *api, struct exchange *x, const struct receiver_ask *ask);
void sse_open(struct api *api, struct exchange *x, const struct receiver_ask *ask);
void anchor_open(struct api *api, struct exchange *x, const struct receiver_ask *ask);
void socket_open(struct api *api, struct exchange *x, const struct receiver_ask *ask);

/* For the ways: fills in r, takes x, and starts the channel. When x is lost the channel ends with CANCELLED. */
void receiver_start(struct receiver *r, struct api *api, struct exchange *x, const struct channel_kind *kind,
                    const struct receiver_ask *ask);
/* The stream has begun: from here on beat() is called in silence. */
void receiver_begun(struct receiver *r, void (*beat)(struct receiver *r));
/* Something goes out now. */
void receiver_said(struct receiver *r);
/* It ended before it began: an error is answered. x is not r's any more. */
void receiver_refuse(struct receiver *r, enum err why);
/* The last use of r before it is freed. */
void receiver_fini(struct receiver *r);

/* {"events":[...],"cursor":...}, and for polls "signals":[...], if there are some, "more" and "retry_ms". */
struct blob *receiver_events(struct api *api, const struct channel_batch *b, bool is_poll);
/* How many of b's signals a stream may be given that has so much unsent: all or none. */
uint32_t receiver_signals(struct api *api, const struct channel_batch *b, size_t unsent_bytes);
/* What a signal is inside of {"signal":...}. */
struct text receiver_signal(const struct blob *signal);
/* The member "signals" of the open object, if there are some. */
void receiver_put_signals(struct json *j, const struct blob *const *signals, uint32_t count);
/* Members of the open object: the signal that tells the newest cursor. */
void receiver_head(const struct receiver *r, struct json *j);
/* When to come back, spread so that not everybody comes at once; 0 when it may come at once. */
uint32_t receiver_retry_ms(enum err why);
/* A word for the end of a stream: "revoked", "replaced", "slow", ...; NULL: a plain move. */
const char *receiver_end_word(enum err why);
