/* chat/revoke.c - a device's session ends
 *
 *   1 delete    the device's row: from here on its token is nothing
 *   2 append    the event into the own inbox
 *   3 appended  the notice; the revocation stands even when the event could not be written
 */
#include "chat/revoke.h"
#include "chat/sessions.h"
#include "store/account.h"
#include <inttypes.h>

static op_step revoke_delete, revoke_deleted, revoke_appended;

static const struct op_kind revoke_kind = { .name = "revoke", .free = chat_free_nothing };

void revoke_start(struct revoke *r, struct op *asker)
{
    op_start(r->chat->ops, &r->op, &revoke_kind, revoke_delete, chat_wake_asker, asker);
}

void revoke_fini(struct revoke *r)
{
    members_free(&r->self);
    members_free(&r->notices.members);
    blob_free(&r->notices.encoded);
}

static void revoke_delete(struct op *op, enum err err)
{
    struct revoke *r = (struct revoke *)op;

    CHECK(!err);
    store_device_delete(r->chat->store, r->user, r->device, op_then(op, revoke_deleted));
}

static void revoke_deleted(struct op *op, enum err err)
{
    struct revoke *r = (struct revoke *)op;

    sessions_forget(r->chat->sessions, r->device);
    if (err) {
        op_finish(op, err);
        return;
    }
    r->self = members_new(1);
    r->self->member[0].user = r->user;
    snprintf(r->body, sizeof r->body, "\"device\":\"%" PRIu64 "\",\"change\":\"revoked\"", r->device.n);
    r->append = (struct append){
        .kind = EVENT_DEVICE, .from = r->user, .body = text_of(r->body), .members = r->self, .i = r->i
    };
    store_append(r->chat->store, &r->append, op_then(op, revoke_appended));
}

static void revoke_appended(struct op *op, enum err err)
{
    struct revoke *r = (struct revoke *)op;

    if (!err) {
        struct event e = {
            .kind = EVENT_DEVICE, .id = r->append.id, .from = r->user, .body = r->append.body
        };
        r->notices = (struct notices){ members_ref(r->self), r->i, event_encode(&e) };
    }
    op_finish(op, ERR_OK);
}
