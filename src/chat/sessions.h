/* chat/sessions.h - whose token it is: the text of tokens, and a bounded cache of the valid ones */
#pragma once
#include "base/secret.h"
#include "model/id.h"

enum {
    SESSIONS_TOKEN_BYTES = 48,          /* user id, device id, 32 random bytes */
    SESSIONS_TOKEN_TEXT = 64,           /* as base64url */
    SESSIONS_FRESH_MS = 60 * 1000,      /* a revocation on another node is seen after this at the latest */
};

struct session {
    struct user_id user;
    struct device_id device;
    uint64_t expires_unix_ms;
};

/* A token for a device: its text, ended by 0, and what is stored of it. */
void sessions_token_make(struct user_id user, struct device_id device, char into[static SESSIONS_TOKEN_TEXT + 1],
                         uint8_t hash[static SECRET_HASH_BYTES]);
/* ERR_UNAUTHORIZED for what can't be a token. */
MUST_USE enum err sessions_token_read(struct text t, struct session *s, uint8_t hash[static SECRET_HASH_BYTES]);

struct sessions;
struct sessions *sessions_new(uint32_t sessions_max);
void sessions_free(struct sessions **s);
/* True when this device's token hash was found valid at most SESSIONS_FRESH_MS ago and has not expired; then
 * out is filled. */
bool sessions_find(struct sessions *s, struct device_id device, const uint8_t hash[static SECRET_HASH_BYTES],
                   uint64_t now_ms, uint64_t now_unix_ms, struct session *out);
void sessions_put(struct sessions *s, const struct session *session, const uint8_t hash[static SECRET_HASH_BYTES],
                  uint64_t now_ms);
void sessions_forget(struct sessions *s, struct device_id device);
/* How often something was forgotten: a row read before that may tell of a session that has ended since. */
uint64_t sessions_era(const struct sessions *s);
