/* chat/authenticate.c - who says this
 *
 *   1 cache    valid a moment ago: no op is needed
 *   2 read     the device's row, by the ids in the token
 *   3 compare  its hash, in constant time, and its end; if a session was revoked meanwhile, again from 2: the row
 *              may have been read before it was deleted
 */
#include "chat/authenticate.h"
#include "limits.h"

enum { AUTHENTICATE_TRIES = 8 };

static op_step authenticate_read, authenticate_compare;

static const struct op_kind authenticate_kind = { .name = "authenticate", .free = chat_free_nothing };

enum err authenticate_at_once(struct authenticate *a)
{
    enum err err = sessions_token_read(a->token, &a->session, a->hash);

    if (err)
        return err;
    struct loop *l = a->chat->loop;
    bool is_known = sessions_find(a->chat->sessions, a->session.device, a->hash, loop_now_ms(l),
                                  loop_unix_ms(l), &a->session);
    return is_known ? ERR_OK : ERR_WAIT_OVER;
}

void authenticate_start(struct authenticate *a, struct op *asker)
{
    op_start(a->chat->ops, &a->op, &authenticate_kind, authenticate_read, chat_wake_asker, asker);
}

static void authenticate_read(struct op *op, enum err err)
{
    struct authenticate *a = (struct authenticate *)op;

    CHECK(!err);
    a->read.arena = &a->arena;
    a->era = sessions_era(a->chat->sessions);
    store_device_read(a->chat->store, a->session.user, a->session.device, &a->read,
                      op_then(op, authenticate_compare));
}

/* Its time is over, or it was not heard of for too long. */
static bool authenticate_is_over(const struct device *d, uint64_t now_unix_ms)
{
    const uint64_t idle_ms = LIMIT_TOKEN_IDLE_DAYS * 24ull * 60 * 60 * 1000;

    return d->expires_unix_ms <= now_unix_ms || d->seen_unix_ms + idle_ms <= now_unix_ms;
}

static void authenticate_compare(struct op *op, enum err err)
{
    struct authenticate *a = (struct authenticate *)op;
    const struct device *d = &a->read.device;
    struct loop *l = a->chat->loop;

    if (err == ERR_NOT_FOUND)
        err = ERR_UNAUTHORIZED;
    if (!err && !secret_equal(d->token_hash, a->hash, sizeof a->hash))
        err = ERR_UNAUTHORIZED;
    if (!err && authenticate_is_over(d, loop_unix_ms(l)))
        err = ERR_UNAUTHORIZED;
    if (!err && a->era != sessions_era(a->chat->sessions)) {
        arena_fini(&a->arena);
        if (++a->tries < AUTHENTICATE_TRIES)
            authenticate_read(op, ERR_OK);
        else
            op_finish(op, ERR_BUSY);
        return;
    }
    if (!err) {
        a->session.expires_unix_ms = d->expires_unix_ms;
        sessions_put(a->chat->sessions, &a->session, a->hash, loop_now_ms(l));
    }
    arena_fini(&a->arena);
    op_finish(op, err);
}
