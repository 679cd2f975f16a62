/* chat/sessions.c - tokens carry the ids of user and device, so that they are found by key */
#include "chat/sessions.h"
#include <stdlib.h>
#include <uthash.h>

struct sessions_entry {
    struct session session; /* its device is the key */
    uint8_t hash[SECRET_HASH_BYTES];
    uint64_t checked_ms;
    UT_hash_handle hh;
};

struct sessions {
    struct sessions_entry *entries; /* put longest ago first */
    uint32_t count, count_max;
    uint64_t era;
};

static void sessions_write_id(uint8_t *at, uint64_t id)
{
    for (int k = 7; k >= 0; k--, id >>= 8)
        at[k] = (uint8_t)id;
}

static uint64_t sessions_read_id(const uint8_t *at)
{
    uint64_t id = 0;

    for (int k = 0; k < 8; k++)
        id = id << 8 | at[k];
    return id;
}

void sessions_token_make(struct user_id user, struct device_id device,
                         char into[static SESSIONS_TOKEN_TEXT + 1], uint8_t hash[static SECRET_HASH_BYTES])
{
    uint8_t token[SESSIONS_TOKEN_BYTES];

    sessions_write_id(token, user.n);
    sessions_write_id(token + 8, device.n);
    secret_random(token + 16, sizeof token - 16);
    secret_base64url(token, sizeof token, into);
    secret_hash((struct text){ (const char *)token, sizeof token }, hash);
    secret_wipe(token, sizeof token);
}

enum err sessions_token_read(struct text t, struct session *s, uint8_t hash[static SECRET_HASH_BYTES])
{
    uint8_t token[SESSIONS_TOKEN_BYTES];

    *s = (struct session){ 0 };
    if (t.bytes != SESSIONS_TOKEN_TEXT || secret_unbase64url(t, token, sizeof token) != (int)sizeof token)
        return ERR_UNAUTHORIZED;
    s->user.n = sessions_read_id(token);
    s->device.n = sessions_read_id(token + 8);
    secret_hash((struct text){ (const char *)token, sizeof token }, hash);
    secret_wipe(token, sizeof token);
    bool is_id = s->user.n > 0 && s->user.n <= INT64_MAX && s->device.n > 0 && s->device.n <= INT64_MAX;
    return is_id ? ERR_OK : ERR_UNAUTHORIZED;
}

struct sessions *sessions_new(uint32_t sessions_max)
{
    struct sessions *s = calloc(1, sizeof *s);

    CHECK(s && sessions_max > 0);
    s->count_max = sessions_max;
    return s;
}

static void sessions_drop(struct sessions *s, struct sessions_entry *e)
{
    HASH_DEL(s->entries, e);
    secret_wipe(e->hash, sizeof e->hash);
    free(e);
    s->count--;
}

void sessions_free(struct sessions **s)
{
    if (!*s)
        return;
    while ((*s)->entries)
        sessions_drop(*s, (*s)->entries);
    free(*s);
    *s = NULL;
}

static struct sessions_entry *sessions_entry(struct sessions *s, struct device_id device)
{
    struct sessions_entry *e;

    HASH_FIND(hh, s->entries, &device.n, sizeof device.n, e);
    return e;
}

bool sessions_find(struct sessions *s, struct device_id device, const uint8_t hash[static SECRET_HASH_BYTES],
                   uint64_t now_ms, uint64_t now_unix_ms, struct session *out)
{
    struct sessions_entry *e = sessions_entry(s, device);

    if (!e || now_ms - e->checked_ms > SESSIONS_FRESH_MS || now_unix_ms >= e->session.expires_unix_ms ||
        !secret_equal(e->hash, hash, SECRET_HASH_BYTES))
        return false;
    *out = e->session;
    return true;
}

void sessions_put(struct sessions *s, const struct session *session,
                  const uint8_t hash[static SECRET_HASH_BYTES], uint64_t now_ms)
{
    struct sessions_entry *e = sessions_entry(s, session->device);

    if (e)
        sessions_drop(s, e);
    if (s->count >= s->count_max)
        sessions_drop(s, s->entries);
    e = calloc(1, sizeof *e);
    CHECK(e);
    e->session = *session;
    memcpy(e->hash, hash, sizeof e->hash);
    e->checked_ms = now_ms;
    HASH_ADD(hh, s->entries, session.device.n, sizeof e->session.device.n, e);
    s->count++;
}

void sessions_forget(struct sessions *s, struct device_id device)
{
    struct sessions_entry *e = sessions_entry(s, device);

    s->era++;
    if (e)
        sessions_drop(s, e);
}

uint64_t sessions_era(const struct sessions *s)
{
    return s->era;
}
