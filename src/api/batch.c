/* api/batch.c - POST /v1/batch: several verbs in one round trip
 *
 *   1 post  what is asked
 *   2 next  starts the next one; sends that follow one another start together, so that one commit takes them
 *   3 done  until all are answered: back to 2; then the answers in their order
 */
#include "api/handlers.h"
#include "api/problem.h"
#include "api/routes.h"

enum {
    BATCH_MAX = 32,
    BATCH_METHOD_MAX = 8,
    BATCH_SMALL_BYTES = 2 * 1024, /* an answer that always finds room: what was done must be told */
    BATCH_BYTES_MAX = CALL_ANSWER_BYTES_MAX - BATCH_MAX * (BATCH_SMALL_BYTES + 64),
};

struct batch_request {
    struct text method, path, body;
};
static const struct wire_schema request_schema = {
    sizeof(struct batch_request),
    (const struct wire_field[]){
        { "do", WIRE_STRING, true, 1, BATCH_METHOD_MAX, offsetof(struct batch_request, method), 0, NULL },
        { "path", WIRE_STRING, true, 1, LIMIT_TARGET_BYTES, offsetof(struct batch_request, path), 0, NULL },
        { "body", WIRE_JSON, false, 0, LIMIT_JSON_BYTES, offsetof(struct batch_request, body), 0, NULL },
        { 0 } },
};
struct batch_body {
    struct wire_objects requests;
};
static const struct wire_schema batch_schema = {
    sizeof(struct batch_body),
    (const struct wire_field[]){ { "requests", WIRE_OBJECTS, true, 1, BATCH_MAX,
                                   offsetof(struct batch_body, requests), 0, &request_schema },
                                 { 0 } },
};

struct batch_slot { /* one verb's carrier */
    struct op *op; /* the batch, waiting */
    size_t *bytes; /* of the batch's answers so far */
    int status;
    struct blob *body;
};
struct batch_state {
    const struct batch_request *at;
    uint32_t count, next;
    size_t bytes;
    struct batch_slot slot[BATCH_MAX];
};

static op_step batch_next;

static void batch_answered(struct call *c, void *carrier)
{
    struct batch_slot *slot = carrier;
    struct call *batch = call_of(slot->op);

    /* Long answers that don't fit together must be asked for one by one. */
    if (!c->err && c->out.bytes > BATCH_SMALL_BYTES && *slot->bytes + c->out.bytes > BATCH_BYTES_MAX)
        c->err = ERR_TOO_LARGE;
    if (c->err)
        problem_write(c);
    *slot->bytes += c->out.bytes;
    slot->status = c->status;
    slot->body = blob_copy(buf_text(&c->out));
    if (c->set_cookie) /* the last one stands, as it would in requests one after another */
        batch->set_cookie = arena_copy(&batch->arena, text_of(c->set_cookie)).at;
    op_wake(slot->op, ERR_OK);
}

static void batch_start(struct call *c, const struct batch_request *r, struct batch_slot *slot)
{
    struct call *one = call_new(c->api, batch_answered, slot);

    call_ask(one, r->method, r->path, r->body);
    one->peer = arena_copy(&one->arena, c->peer);
    one->token = arena_copy(&one->arena, c->token);
    one->by_cookie = c->by_cookie;
    one->is_batched = true;
    one->is_framed = c->is_framed;
    slot->op = op_then(&c->op, batch_next);
    slot->bytes = &((struct batch_state *)c->state)->bytes;
    call_start(one, ERR_OK);
}

static bool batch_is_send(const struct batch_request *r)
{
    static const char tail[] = "/messages";
    size_t bytes = sizeof tail - 1;

    return text_equal(r->method, TEXT("POST")) && r->path.bytes > bytes &&
           memcmp(r->path.at + r->path.bytes - bytes, tail, bytes) == 0;
}

void batch_post(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    const struct batch_body *b = call_body(c, &batch_schema);

    CHECK(!err);
    if (!b)
        return;
    if (c->is_batched) {
        call_refuse(c, ERR_BAD_REQUEST, "body.requests");
        return;
    }
    struct batch_state *s = arena_alloc(&c->arena, sizeof *s);
    s->at = b->requests.at;
    s->count = b->requests.count;
    c->state = s;
    batch_next(op, ERR_OK);
}

static void batch_finish(struct call *c)
{
    struct batch_state *s = c->state;
    struct json *j = &c->json;

    json_array(j, "responses");
    for (uint32_t k = 0; k < s->count; k++) {
        json_object(j, NULL);
        json_number(j, "status", (uint64_t)s->slot[k].status);
        json_raw(j, "body", blob_text(s->slot[k].body));
        json_close(j);
        blob_free(&s->slot[k].body);
    }
    call_end(c, 200, ERR_OK);
}

static void batch_next(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct batch_state *s = c->state;

    CHECK(!err);
    if (s->next == s->count) {
        batch_finish(c);
        return;
    }
    bool is_send;
    do {
        is_send = batch_is_send(&s->at[s->next]);
        batch_start(c, &s->at[s->next], &s->slot[s->next]);
        s->next++;
    } while (is_send && s->next < s->count && batch_is_send(&s->at[s->next]));
}
