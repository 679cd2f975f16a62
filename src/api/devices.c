/* api/devices.c - GET /v1/sessions, DELETE /v1/sessions/{device}, DELETE /v1/sessions/current */
#include "api/handlers.h"
#include "api/present.h"
#include "chat/revoke.h"

static op_step devices_listed, devices_revoked;

void devices_list(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct devices_read *r = arena_alloc(&c->arena, sizeof *r);

    CHECK(!err);
    r->arena = &c->arena;
    c->state = r;
    store_devices(c->api->chat->store, call_user(c), r, op_then(op, devices_listed));
}

static void devices_listed(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    const struct devices_read *r = c->state;

    if (!err) {
        json_array(&c->json, "devices");
        for (uint32_t k = 0; k < r->count; k++) {
            json_object(&c->json, NULL);
            present_device(&c->json, &r->at[k], c->who.session.device);
            json_close(&c->json);
        }
    }
    call_end(c, 200, err);
}

static void devices_end(struct call *c, struct device_id device)
{
    struct revoke *r = arena_alloc(&c->arena, sizeof *r);

    r->chat = c->api->chat;
    r->user = call_user(c);
    r->device = device;
    c->state = r;
    revoke_start(r, op_then(&c->op, devices_revoked));
}

void devices_logout(struct op *op, enum err err)
{
    struct call *c = call_of(op);

    CHECK(!err);
    devices_end(c, c->who.session.device);
}

void devices_revoke(struct op *op, enum err err)
{
    struct call *c = call_of(op);

    CHECK(!err);
    devices_end(c, (struct device_id){ c->arg[0] });
}

static void devices_revoked(struct op *op, enum err err)
{
    struct call *c = call_of(op);
    struct revoke *r = c->state;

    if (!err) {
        node_revoked(c->api->node, r->user, r->device);
        api_tell(c->api, &r->notices);
        if (c->by_cookie && r->device.n == c->who.session.device.n)
            c->set_cookie = "__Host-posthorn=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0";
    }
    revoke_fini(r);
    call_end(c, 200, err);
}
