/* unit/api/desk.c - asks an api without a net, and looks at what it answers */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "api/limiter.h"
#include "api/seen.h"
#include "desk.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

int desk_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    fake_chat_init(&w->f);
    w->api = (struct api){ .chat = &w->f.chat, .hub = hub_new(w->f.chat.loop), .url = "https://here:1" };
    w->api.node = node_new(&(struct node_parts){ &w->f.chat, w->api.hub });
    snprintf(w->f.config.server_origins, sizeof w->f.config.server_origins,
             "https://a.example https://b.example");
    w->api.place = (struct channel_place){ &w->f.ops, w->f.chat.loop, w->f.store, w->api.hub };
    w->f.config.limits_typing_ms = 0; /* tests type faster */
    w->api.limiter = limiter_new(w->f.chat.loop, &w->f.config);
    w->api.seen = seen_new(w->f.chat.loop, &w->f.ops, w->f.store);
    for (int n = 0; n < PEOPLE; n++) {
        struct device d = { .id = { 70 + (uint64_t)n },
                            .seen_unix_ms = loop_unix_ms(w->f.chat.loop),
                            .expires_unix_ms = INT64_MAX };
        w->who[n] = d.user = fake_store_account(w->f.store, (const char *[]){ "ada", "bob", "cyd" }[n]);
        sessions_token_make(d.user, d.id, w->token[n], d.token_hash);
        w->f.store->device[w->f.store->devices_count++] = (struct fake_device){ .device = d };
    }
    w->group = fake_store_conversation(w->f.store, CONVERSATION_GROUP, w->who, 2);
    *state = w;
    return 0;
}

int desk_teardown(void **state)
{
    struct world *w = *state;

    fake_net_fini(&w->x);
    fake_chat_run(&w->f);
    seen_free(&w->api.seen);
    limiter_free(&w->api.limiter);
    node_stop(w->api.node);
    node_free(&w->api.node);
    hub_free(&w->api.hub);
    fake_chat_fini(&w->f);
    free(w);
    return 0;
}

/* A request of who (-1: nobody) is made ready in w->x. */
void desk_prepare(struct world *w, int who, enum method method, const char *target, const char *body)
{
    const char *mark = strchr(target, '?');

    fake_net_fini(&w->x);
    w->x = (struct exchange){ .peer = TEXT("10.0.0.1") };
    snprintf(w->path, sizeof w->path, "%s", target);
    w->x.head.method = method;
    w->x.head.path = (struct text){ w->path, mark ? (size_t)(mark - target) : strlen(target) };
    if (mark)
        w->x.head.query = text_of(w->path + (mark - target) + 1);
    w->x.body = text_of(body);
    if (body)
        w->x.head.content_type = TEXT("application/json");
    snprintf(w->bearer, sizeof w->bearer, "Bearer %s", who < 0 ? "" : w->token[who]);
    if (who >= 0)
        w->x.head.authorization = text_of(w->bearer);
}

int desk_ask_prepared(struct world *w)
{
    api_request(&w->x, &w->api);
    for (int n = 0; n < 5000 && !w->x.status; n++) {
        fake_chat_run(&w->f);
        if (!w->x.status)
            loop_wait(w->f.chat.loop, w->f.ops.live > 0);
    }
    assert_int_not_equal(w->x.status, 0);
    return w->x.status;
}

int desk_ask(struct world *w, int who, enum method method, const char *target, const char *body)
{
    desk_prepare(w, who, method, target, body);
    return desk_ask_prepared(w);
}

void desk_says(struct world *w, const char *part)
{
    if (!strstr(w->x.answer->at, part))
        fail_msg("%s is not in %s", part, w->x.answer->at);
}

void desk_refused(struct world *w, int status, const char *code, const char *field)
{
    if (w->x.status != status)
        fail_msg("%d is not %d: %s", w->x.status, status, w->x.answer->at);
    snprintf(w->expected, sizeof w->expected, "\"code\":\"%s\"", code);
    desk_says(w, w->expected);
    snprintf(w->expected, sizeof w->expected, "\"status\":%d", status);
    desk_says(w, w->expected);
    if (field) {
        snprintf(w->expected, sizeof w->expected, "\"field\":\"%s\"", field);
        desk_says(w, w->expected);
    }
    assert_non_null(strstr(w->x.fields, "content-type: application/problem+json"));
}

const char *desk_in_group(struct world *w, const char *rest)
{
    static char path[128];

    snprintf(path, sizeof path, "/v1/conversations/%llu%s", (unsigned long long)w->group.n, rest);
    return path;
}

const char *desk_message(struct world *w, unsigned number, const char *text)
{
    char key[KEY_TEXT_BYTES + 1];

    key_print((struct key){ loop_unix_ms(w->f.chat.loop) << 16, number }, key);
    snprintf(w->body, sizeof w->body, "{\"key\":\"%s\",\"text\":\"%s\"}", key, text);
    return w->body;
}

void desk_send(struct world *w, unsigned number, const char *text)
{
    assert_int_equal(
        desk_ask(w, A, METHOD_POST, desk_in_group(w, "/messages"), desk_message(w, number, text)), 201);
    fake_chat_run(&w->f);
}
