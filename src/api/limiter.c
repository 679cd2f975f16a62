/* api/limiter.c - buckets that fill with time; of each kind, the one filled longest ago makes room */
#include "api/limiter.h"
#include "base/secret.h"
#include <stdlib.h>
#include <uthash.h>

enum { LIMITER_BUCKETS_MAX = 100 * 1000 };

struct limiter_bucket {
    uint64_t who; /* keyed hash of kind and name */
    uint64_t filled_ms;
    double tokens;
    UT_hash_handle hh;
};

struct limiter_rate {
    double per_ms, burst; /* burst 0: no limit */
};

struct limiter {
    struct loop *loop;
    struct limiter_rate rate[LIMITER_KINDS];
    struct limiter_bucket
        *buckets[LIMITER_KINDS]; /* used longest ago first; one kind can't push out another */
    uint64_t boot_key; /* so that nobody can aim at another's bucket */
};

static struct limiter_rate limiter_rate(int64_t count, uint64_t per_ms, int64_t burst)
{
    return count ? (struct limiter_rate){ (double)count / (double)per_ms, (double)burst }
                 : (struct limiter_rate){ 0 };
}

struct limiter *limiter_new(struct loop *l, const struct config *c)
{
    struct limiter *made = calloc(1, sizeof *made);

    CHECK(made);
    made->loop = l;
    made->boot_key = secret_random_u64();
    made->rate[LIMITER_REGISTER] =
        limiter_rate(c->limits_registrations_per_hour, 60 * 60 * 1000, c->limits_registrations_per_hour);
    made->rate[LIMITER_LOGIN] =
        limiter_rate(c->limits_logins_per_minute, 60 * 1000, c->limits_logins_per_minute);
    made->rate[LIMITER_SEND] = limiter_rate(c->limits_sends_per_second, 1000, 4 * c->limits_sends_per_second);
    if (c->limits_typing_ms)
        made->rate[LIMITER_TYPING] = limiter_rate(1, (uint64_t)c->limits_typing_ms, 1);
    return made;
}

static void limiter_drop(struct limiter_bucket **buckets, struct limiter_bucket *b)
{
    HASH_DEL(*buckets, b);
    free(b);
}

void limiter_free(struct limiter **l)
{
    if (!*l)
        return;
    for (unsigned kind = 0; kind < LIMITER_KINDS; kind++) {
        while ((*l)->buckets[kind])
            limiter_drop(&(*l)->buckets[kind], (*l)->buckets[kind]);
    }
    free(*l);
    *l = NULL;
}

static uint64_t limiter_hash(const struct limiter *l, enum limiter_kind kind, struct text who)
{
    char name[256];
    size_t bytes = who.bytes < sizeof name - 16 ? who.bytes : sizeof name - 16;
    uint64_t n = kind;

    memcpy(name, &l->boot_key, 8);
    memcpy(name + 8, &n, 8);
    memcpy(name + 16, who.at, bytes);
    return secret_hash_u64((struct text){ name, 16 + bytes });
}

/* The bucket, as the newest of the table; full when it is new. */
static struct limiter_bucket *limiter_find(struct limiter *l, enum limiter_kind kind, uint64_t who)
{
    struct limiter_bucket **buckets = &l->buckets[kind];
    struct limiter_bucket *b;

    HASH_FIND(hh, *buckets, &who, sizeof who, b);
    if (b) {
        HASH_DEL(*buckets, b);
    } else {
        if (HASH_COUNT(*buckets) >= LIMITER_BUCKETS_MAX)
            limiter_drop(buckets, *buckets);
        b = calloc(1, sizeof *b);
        CHECK(b);
        b->who = who;
        b->tokens = l->rate[kind].burst;
        b->filled_ms = loop_now_ms(l->loop);
    }
    HASH_ADD(hh, *buckets, who, sizeof b->who, b);
    return b;
}

enum err limiter_take(struct limiter *l, enum limiter_kind kind, struct text who, uint32_t *wait_ms)
{
    const struct limiter_rate *rate = &l->rate[kind];
    uint64_t now_ms = loop_now_ms(l->loop);

    if (rate->burst <= 0)
        return ERR_OK;
    struct limiter_bucket *b = limiter_find(l, kind, limiter_hash(l, kind, who));
    b->tokens += (double)(now_ms - b->filled_ms) * rate->per_ms;
    b->tokens = b->tokens < rate->burst ? b->tokens : rate->burst;
    b->filled_ms = now_ms;
    if (b->tokens >= 1) {
        b->tokens -= 1;
        return ERR_OK;
    }
    *wait_ms = (uint32_t)((1 - b->tokens) / rate->per_ms) + 1;
    return ERR_RATE_LIMITED;
}
