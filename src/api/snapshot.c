/* api/snapshot.c - GET /v1/snapshot: where everything stands, and the cursor to go on from
 *
 * The account is read before the snapshot: a name that changes between the two is an old name, never a lost event.
 */
#include "api/handlers.h"
#include "api/present.h"

struct snapshot_state {
    struct account_read me;
    struct snapshot_read read;
};

static op_step snapshot_me_read, snapshot_was_read;

void snapshot_get(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct call_param params[] = { { .name = "limit",
                                     .is_number = true,
                                     .least = 1,
                                     .most = LIMIT_SNAPSHOT,
                                     .number = LIMIT_SNAPSHOT_DEFAULT },
                                   { .name = "page" },
                                   { 0 } };
    struct snapshot_state *s = arena_alloc(&c->arena, sizeof *s);

    CHECK(!err);
    c->state = s;
    if (!call_query(c, params))
        return;
    if (params[1].text.at && !id_parse(params[1].text, &s->read.before.n)) {
        call_refuse(c, ERR_OUT_OF_RANGE, "query.page");
        return;
    }
    s->read.limit = (uint32_t)params[0].number;
    s->me.arena = s->read.arena = &c->arena;
    store_account_by_id(c->api->chat->store, call_user(c), &s->me, op_then(op, snapshot_me_read));
}

static void snapshot_me_read(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct snapshot_state *s = c->state;

    if (err)
        call_end(c, 0, err);
    else
        store_snapshot(c->api->chat->store, call_user(c), &s->read, op_then(op, snapshot_was_read));
}

static void snapshot_was_read(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct snapshot_state *s = c->state;
    struct json *j = &c->json;

    if (!err) {
        char page[ID_TEXT_MAX];
        present_cursor(j, "cursor", s->read.timeline, s->read.head);
        json_object(j, "me");
        present_account(j, &s->me.account);
        json_close(j);
        json_array(j, "conversations");
        for (uint32_t k = 0; k < s->read.count; k++) {
            json_object(j, NULL);
            present_conversation(j, &s->read.at[k]);
            json_close(j);
        }
        json_close(j);
        id_print(s->read.next_before.n, page);
        if (s->read.next_before.n)
            json_string(j, "next_page", text_of(page));
        else
            json_null(j, "next_page");
    }
    call_end(c, 200, err);
}
