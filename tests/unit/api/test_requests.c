/* unit/api/test_requests.c - requests in, answers out: every verb and every refusal, without a net or a Postgres */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "api/admin.h"
#include "api/api.h"
#include "api/limiter.h"
#include "api/seen.h"
#include "fake/chat.h"
#include "fake/net.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

enum { A, B, C, PEOPLE };

struct world {
    struct fake_chat f;
    struct api api;
    struct user_id who[PEOPLE];
    char token[PEOPLE][SESSIONS_TOKEN_TEXT + 1];
    struct conversation_id group;
    char bearer[SESSIONS_TOKEN_TEXT + 16], path[256], body[512], expected[64];
    struct exchange x;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    fake_chat_init(&w->f);
    w->api = (struct api){ .chat = &w->f.chat, .hub = hub_new(), .url = "https://here:1" };
    snprintf(w->f.config.server_origins, sizeof w->f.config.server_origins,
             "https://a.example https://b.example");
    w->api.limiter = limiter_new(w->f.chat.loop, &w->f.config);
    w->api.seen = seen_new(w->f.chat.loop, &w->f.ops, w->f.store);
    for (int n = 0; n < PEOPLE; n++) {
        struct device d = { .id = { 70 + (uint64_t)n }, .expires_unix_ms = INT64_MAX };
        w->who[n] = d.user = fake_store_account(w->f.store, (const char *[]){ "ada", "bob", "cyd" }[n]);
        sessions_token_make(d.user, d.id, w->token[n], d.token_hash);
        w->f.store->device[w->f.store->devices_count++] = (struct fake_device){ .device = d };
    }
    w->group = fake_store_conversation(w->f.store, CONVERSATION_GROUP, w->who, 2);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    fake_net_fini(&w->x);
    fake_chat_run(&w->f);
    seen_free(&w->api.seen);
    limiter_free(&w->api.limiter);
    hub_free(&w->api.hub);
    fake_chat_fini(&w->f);
    free(w);
    return 0;
}

/* A request of who (-1: nobody) is made ready in w->x. */
static void prepare(struct world *w, int who, enum method method, const char *target, const char *body)
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

static int ask_prepared(struct world *w)
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

static int ask(struct world *w, int who, enum method method, const char *target, const char *body)
{
    prepare(w, who, method, target, body);
    return ask_prepared(w);
}

static void says(struct world *w, const char *part)
{
    if (!strstr(w->x.answer->at, part))
        fail_msg("%s is not in %s", part, w->x.answer->at);
}

static void refused(struct world *w, int status, const char *code, const char *field)
{
    if (w->x.status != status)
        fail_msg("%d is not %d: %s", w->x.status, status, w->x.answer->at);
    snprintf(w->expected, sizeof w->expected, "\"code\":\"%s\"", code);
    says(w, w->expected);
    snprintf(w->expected, sizeof w->expected, "\"status\":%d", status);
    says(w, w->expected);
    if (field) {
        snprintf(w->expected, sizeof w->expected, "\"field\":\"%s\"", field);
        says(w, w->expected);
    }
    assert_non_null(strstr(w->x.fields, "content-type: application/problem+json"));
}

static const char *in_group(struct world *w, const char *rest)
{
    static char path[128];

    snprintf(path, sizeof path, "/v1/conversations/%llu%s", (unsigned long long)w->group.n, rest);
    return path;
}

static const char *message(struct world *w, unsigned number, const char *text)
{
    char key[KEY_TEXT_BYTES + 1];

    key_print((struct key){ loop_unix_ms(w->f.chat.loop) << 16, number }, key);
    snprintf(w->body, sizeof w->body, "{\"key\":\"%s\",\"text\":\"%s\"}", key, text);
    return w->body;
}

static void test_register_and_login(void **state)
{
    struct world *w = *state;
    const char *login = "{\"handle\":\"Dan\",\"password\":\"long enough\",\"cookie\":true,"
                        "\"device\":{\"name\":\"n\",\"platform\":\"p\"}}";

    assert_int_equal(
        ask(w, -1, METHOD_POST, "/v1/accounts", "{\"handle\":\"Dan\",\"password\":\"long enough\"}"), 201);
    says(w, "\"handle\":\"dan\"");
    assert_true(w->x.is_trusted);
    ask(w, -1, METHOD_POST, "/v1/accounts", "{\"handle\":\"dan\",\"password\":\"long enough\"}");
    refused(w, 409, "handle_taken", NULL);
    assert_false(w->x.is_trusted);
    ask(w, -1, METHOD_POST, "/v1/accounts", "{\"handle\":\"d\xc3\xa4n \",\"password\":\"long enough\"}");
    refused(w, 400, "out_of_range", "body.handle");
    ask(w, -1, METHOD_POST, "/v1/accounts", "{\"handle\":\"eve\",\"password\":\"short\"}");
    refused(w, 400, "out_of_range", "body.password");
    assert_int_equal(ask(w, -1, METHOD_POST, "/v1/sessions", login), 201);
    says(w, "\"token\":\"");
    says(w, "\"cursor\":\"7.0\"");
    assert_non_null(strstr(w->x.fields, "set-cookie: __Host-posthorn="));
    assert_non_null(strstr(w->x.fields, "; Path=/; Secure; HttpOnly; SameSite=Strict"));
    assert_null(strstr(w->f.store->account[PEOPLE].hash, "long enough"));
    ask(w, -1, METHOD_POST, "/v1/sessions",
        "{\"handle\":\"dan\",\"password\":\"wrong one\",\"device\":{\"name\":\"n\",\"platform\":\"p\"}}");
    refused(w, 401, "bad_credentials", NULL);
    assert_non_null(strstr(w->x.fields, "www-authenticate: Bearer"));
}

static void test_registration_rules(void **state)
{
    struct world *w = *state;
    const char *eve = "{\"handle\":\"eve\",\"password\":\"long enough\"}";

    snprintf(w->f.config.accounts_registration, sizeof w->f.config.accounts_registration, "closed");
    ask(w, -1, METHOD_POST, "/v1/accounts", eve);
    refused(w, 403, "registration_closed", NULL);
    snprintf(w->f.config.accounts_registration, sizeof w->f.config.accounts_registration, "invite");
    ask(w, -1, METHOD_POST, "/v1/accounts", eve);
    refused(w, 403, "registration_closed", NULL);
    w->api.invite = "sesame";
    ask(w, -1, METHOD_POST, "/v1/accounts",
        "{\"handle\":\"eve\",\"password\":\"long enough\",\"invite\":\"sesam\"}");
    refused(w, 403, "registration_closed", NULL);
    assert_int_equal(ask(w, -1, METHOD_POST, "/v1/accounts",
                         "{\"handle\":\"eve\",\"password\":\"long enough\",\"invite\":\"sesame\"}"),
                     201);
}

static void test_who_says_this(void **state)
{
    struct world *w = *state;

    ask(w, -1, METHOD_GET, "/v1/sessions", NULL);
    refused(w, 401, "unauthorized", NULL);
    assert_int_equal(ask(w, A, METHOD_GET, "/v1/sessions", NULL), 200);
    says(w, "\"current\":true");
    w->token[A][0] ^= 1;
    ask(w, A, METHOD_GET, "/v1/sessions", NULL);
    refused(w, 401, "unauthorized", NULL);
    fake_store_fail(w->f.store, ERR_STORE_DOWN, 0, 1);
    ask(w, B, METHOD_GET, "/v1/sessions", NULL);
    refused(w, 503, "store_down", NULL);
    says(w, "\"retry_ms\":");
    assert_non_null(strstr(w->x.fields, "retry-after: "));
}

static int ask_by_cookie(struct world *w, enum method method, const char *target, const char *origin)
{
    static char cookie[160];

    prepare(w, -1, method, target, NULL);
    snprintf(cookie, sizeof cookie, "other=1; __Host-posthorn=%s; more=2", w->token[A]);
    w->x.head.cookie = text_of(cookie);
    w->x.head.origin = text_of(origin);
    return ask_prepared(w);
}

static void test_cookies_need_an_origin(void **state)
{
    struct world *w = *state;

    assert_int_equal(ask_by_cookie(w, METHOD_GET, "/v1/sessions", "https://a.example"), 200);
    assert_int_equal(ask_by_cookie(w, METHOD_GET, "/v1/sessions", "https://b.example"), 200);
    assert_int_equal(ask_by_cookie(w, METHOD_GET, "/v1/sessions", "https://here:1"), 200);
    assert_int_equal(ask_by_cookie(w, METHOD_GET, "/v1/sessions", NULL), 200); /* the page's own */
    ask_by_cookie(w, METHOD_GET, "/v1/sessions", "https://evil.example");
    refused(w, 403, "bad_origin", NULL);
    ask_by_cookie(w, METHOD_GET, "/v1/sessions", "https://a.example.evil");
    refused(w, 403, "bad_origin", NULL);
    ask_by_cookie(w, METHOD_GET, "/v1/sessions", "null");
    refused(w, 403, "bad_origin", NULL);
    ask_by_cookie(w, METHOD_DELETE, "/v1/sessions/current", NULL);
    refused(w, 403, "bad_origin", NULL);
    assert_int_equal(w->f.store->devices_count, PEOPLE);
    assert_int_equal(ask_by_cookie(w, METHOD_DELETE, "/v1/sessions/current", "https://a.example"), 200);
    assert_non_null(strstr(w->x.fields, "Max-Age=0"));
    assert_int_equal(w->f.store->devices_count, PEOPLE - 1);
}

static void test_heads(void **state)
{
    struct world *w = *state;

    ask(w, A, METHOD_GET, "/v1/nothing", NULL);
    refused(w, 404, "not_found", NULL);
    ask(w, -1, METHOD_OPTIONS, "/v1/conversations", NULL);
    refused(w, 405, "method_not_allowed", NULL);
    assert_non_null(strstr(w->x.fields, "allow: POST\n"));
    prepare(w, A, METHOD_POST, "/v1/conversations", "{}");
    w->x.head.content_type = TEXT("text/plain");
    ask_prepared(w);
    refused(w, 415, "unsupported_media_type", NULL);
    prepare(w, A, METHOD_GET, "/v1/events?after=now", NULL);
    w->x.head.accept = TEXT("text/event-stream");
    ask_prepared(w);
    refused(w, 406, "not_acceptable", NULL);
    prepare(w, A, METHOD_POST, "/v1/users/me", "{\"name\":\"Ada\"}");
    w->x.head.method_override = TEXT("PATCH");
    assert_int_equal(ask_prepared(w), 200);
    says(w, "\"name\":\"Ada\"");
    prepare(w, A, METHOD_GET, "/v1/users/me", NULL); /* only a POST may be called something else */
    w->x.head.method_override = TEXT("PATCH");
    ask_prepared(w);
    refused(w, 405, "method_not_allowed", NULL);
    ask(w, A, METHOD_GET, "/v1/sessions?x=1", NULL);
    refused(w, 400, "unknown_field", "query.x");
    assert_int_equal(ask(w, -1, METHOD_GET, "/v1/discover", NULL), 200);
    says(w, "{\"nodes\":[{\"url\":\"https://here:1\",\"region\":\"\",\"load\":0}]}");
    assert_int_equal(ask(w, A, METHOD_HEAD, "/v1/snapshot", NULL), 200);
}

static void test_send(void **state)
{
    struct world *w = *state;
    char first[256];

    assert_int_equal(ask(w, A, METHOD_POST, in_group(w, "/messages"), message(w, 1, "hi")), 201);
    says(w, "\"seq\":1");
    snprintf(first, sizeof first, "%s", w->x.answer->at);
    assert_int_equal(ask(w, A, METHOD_POST, in_group(w, "/messages"), message(w, 1, "hi")), 200);
    assert_string_equal(w->x.answer->at, first);
    ask(w, A, METHOD_POST, in_group(w, "/messages"), message(w, 1, "ho"));
    refused(w, 409, "key_reused", "body.key");
    ask(w, C, METHOD_POST, in_group(w, "/messages"), message(w, 2, "hi"));
    refused(w, 404, "not_found", NULL);
    ask(w, A, METHOD_POST, in_group(w, "/messages"),
        "{\"key\":\"00000000000000000000000001\",\"text\":\"x\"}");
    refused(w, 422, "stale_key", "body.key");
    ask(w, A, METHOD_POST, in_group(w, "/messages"), "{\"key\":\"x\",\"text\":\"x\"}");
    refused(w, 400, "out_of_range", "body.key");
    assert_int_equal(ask(w, B, METHOD_GET, "/v1/events?after=7.0", NULL), 200);
    says(w, "\"i\":1,\"t\":\"message\"");
    says(w, "\"cursor\":\"7.1\"");
    assert_int_equal(ask(w, B, METHOD_GET, in_group(w, "/messages"), NULL), 200);
    says(w, "\"text\":\"hi\"");
    says(w, "\"more\":false");
    assert_int_equal(ask(w, B, METHOD_PUT, in_group(w, "/marks"), "{\"read\":1}"), 200);
    ask(w, B, METHOD_PUT, in_group(w, "/marks"), "{\"read\":2}");
    refused(w, 400, "out_of_range", "body.read");
    ask(w, B, METHOD_PUT, in_group(w, "/marks"), "{}");
    refused(w, 400, "missing_field", "body.read");
}

static void test_sends_are_limited(void **state)
{
    struct world *w = *state;
    int status = 201, sent = 0;

    for (unsigned n = 0; n < 250 && status == 201; n++, sent++)
        status = ask(w, A, METHOD_POST, in_group(w, "/messages"), message(w, n, "x"));
    refused(w, 429, "rate_limited", NULL);
    assert_in_range(sent, 200, 230);
    assert_non_null(strstr(w->x.fields, "retry-after: 1"));
    assert_int_equal(ask(w, B, METHOD_POST, in_group(w, "/messages"), message(w, 0, "x")), 201);
}

static void test_cursors(void **state)
{
    struct world *w = *state;

    ask(w, A, METHOD_GET, "/v1/events?after=8.0", NULL);
    refused(w, 410, "resync", "query.after");
    ask(w, A, METHOD_GET, "/v1/events?after=7.1", NULL);
    refused(w, 410, "resync", NULL);
    ask(w, A, METHOD_GET, "/v1/events?after=7", NULL);
    refused(w, 400, "bad_cursor", "query.after");
    ask(w, A, METHOD_GET, "/v1/events", NULL);
    refused(w, 400, "missing_field", "query.after");
    assert_int_equal(ask(w, A, METHOD_GET, "/v1/events?after=now", NULL), 200);
    assert_string_equal(w->x.answer->at, "{\"events\":[],\"cursor\":\"7.0\",\"more\":false,\"retry_ms\":0}");
    w->f.store->timeline = 8; /* restored between the look and the reading */
    ask(w, A, METHOD_GET, "/v1/events?after=7.0", NULL);
    refused(w, 410, "resync", NULL);
}

/* A poll that waits, in an exchange of its own. */
static void wait_for_events(struct world *w, int who, struct exchange *x)
{
    prepare(w, who, METHOD_GET, "/v1/events?after=7.0&wait=30", NULL);
    *x = w->x;
    api_request(x, &w->api);
    fake_chat_run(&w->f);
}

static void test_a_long_poll(void **state)
{
    struct world *w = *state;
    struct exchange poll, second;

    wait_for_events(w, B, &poll);
    assert_int_equal(poll.status, 0);
    assert_int_equal(ask(w, A, METHOD_POST, in_group(w, "/messages"), message(w, 1, "hi")), 201);
    fake_chat_run(&w->f);
    assert_int_equal(poll.status, 200);
    assert_non_null(strstr(poll.answer->at, "\"i\":1,\"t\":\"message\""));
    assert_non_null(strstr(poll.answer->at, "\"cursor\":\"7.1\""));
    assert_int_equal(hub_count(w->api.hub), 0);
    fake_net_fini(&poll);
    wait_for_events(w, B, &second); /* there is something: no wait */
    assert_int_equal(second.status, 200);
    assert_int_equal(hub_count(w->api.hub), 0);
    fake_net_fini(&second);
}

static void test_what_ends_a_long_poll(void **state)
{
    struct world *w = *state;
    struct exchange first, second, third;

    wait_for_events(w, A, &first);
    wait_for_events(w, A, &second);
    assert_int_equal(first.status, 200);
    assert_non_null(strstr(first.answer->at, "\"events\":[]"));
    assert_int_equal(second.status, 0);
    fake_net_hang_up(&second);
    fake_chat_run(&w->f);
    assert_int_equal(second.status, 0);
    assert_int_equal(hub_count(w->api.hub), 0);
    wait_for_events(w, A, &second);
    assert_int_equal(ask(w, A, METHOD_DELETE, "/v1/sessions/current", NULL), 200);
    fake_chat_run(&w->f);
    assert_int_equal(second.status, 401);
    wait_for_events(w, B, &third);
    w->api.is_draining = true;
    hub_end(w->api.hub);
    fake_chat_run(&w->f);
    assert_int_equal(third.status, 200);
    assert_null(strstr(third.answer->at, "\"retry_ms\":0"));
    assert_int_equal(hub_count(w->api.hub), 0);
    fake_net_fini(&first);
    fake_net_fini(&second);
    fake_net_fini(&third);
}

/* The client goes away at any moment: nothing is left behind. */
static void test_hang_up_while_the_store_works(void **state)
{
    struct world *w = *state;
    struct exchange x;

    w->f.store->is_holding = true;
    wait_for_events(w, A, &x); /* the session is being read */
    fake_net_hang_up(&x);
    fake_store_release(w->f.store);
    fake_chat_run(&w->f);
    assert_int_equal(x.status, 0);
    /* It read the inbox and waits for nobody: the wait is what ends it. */
    while (w->f.ops.live > 0 && hub_count(w->api.hub) > 0) {
        hub_end(w->api.hub);
        fake_chat_run(&w->f);
    }
    assert_int_equal(w->f.ops.live, 0);
    fake_net_fini(&x);
}

static void test_conversations(void **state)
{
    struct world *w = *state;
    char body[128];

    snprintf(body, sizeof body, "{\"kind\":\"direct\",\"with\":\"%llu\"}", (unsigned long long)w->who[C].n);
    assert_int_equal(ask(w, A, METHOD_POST, "/v1/conversations", body), 201);
    assert_int_equal(ask(w, A, METHOD_POST, "/v1/conversations", body), 200);
    says(w, "\"kind\":\"direct\"");
    ask(w, C, METHOD_POST, "/v1/conversations", body);
    refused(w, 400, "out_of_range", "body.with");
    ask(w, A, METHOD_POST, "/v1/conversations", "{\"kind\":\"group\"}");
    refused(w, 400, "missing_field", "body.title");
    assert_int_equal(ask(w, A, METHOD_POST, "/v1/conversations", "{\"kind\":\"group\",\"title\":\"T\"}"),
                     201);
    says(w, "\"role\":\"owner\"");
    assert_int_equal(ask(w, A, METHOD_GET, "/v1/snapshot?limit=2", NULL), 200);
    says(w, "\"next_page\":\"");
    ask(w, A, METHOD_GET, "/v1/snapshot?page=x", NULL);
    refused(w, 400, "out_of_range", "query.page");
    ask(w, C, METHOD_GET, in_group(w, ""), NULL);
    refused(w, 404, "not_found", NULL);
    assert_int_equal(ask(w, B, METHOD_GET, in_group(w, "/members"), NULL), 200);
    says(w, "\"role\":\"member\"");
    snprintf(body, sizeof body, "/members/%llu", (unsigned long long)w->who[C].n);
    assert_int_equal(ask(w, A, METHOD_PUT, in_group(w, body), "{\"role\":\"member\"}"), 201);
    assert_int_equal(ask(w, A, METHOD_PUT, in_group(w, body), "{\"role\":\"admin\"}"), 200);
    ask(w, B, METHOD_DELETE, in_group(w, body), NULL);
    refused(w, 403, "forbidden", NULL);
    assert_int_equal(ask(w, A, METHOD_DELETE, in_group(w, body), NULL), 200);
    ask(w, B, METHOD_PATCH, in_group(w, ""), "{\"title\":\"X\"}");
    refused(w, 403, "forbidden", NULL);
    assert_int_equal(ask(w, A, METHOD_PATCH, in_group(w, ""), "{\"title\":\"X\"}"), 200);
    says(w, "\"title\":\"X\"");
}

static void test_batch(void **state)
{
    struct world *w = *state;

    assert_int_equal(ask(w, A, METHOD_POST, "/v1/batch",
                         "{\"requests\":[{\"do\":\"GET\",\"path\":\"/v1/users?handle=bob\"},"
                         "{\"do\":\"GET\",\"path\":\"/v1/nothing\"},"
                         "{\"do\":\"PATCH\",\"path\":\"/v1/users/me\",\"body\":{\"name\":\"Ada\"}},"
                         "{\"do\":\"GET\",\"path\":\"/v1/events?after=now&wait=30\"},"
                         "{\"do\":\"POST\",\"path\":\"/v1/batch\","
                         "\"body\":{\"requests\":[{\"do\":\"GET\",\"path\":\"/v1/discover\"}]}}]}"),
                     200);
    says(w, "{\"responses\":[{\"status\":200,\"body\":{\"id\":");
    says(w, "{\"status\":404,\"body\":{\"type\":\"about:blank\"");
    says(w, "\"name\":\"Ada\"");
    says(w, "{\"status\":200,\"body\":{\"events\":[]");
    says(w, "{\"status\":400,\"body\":");
    ask(w, A, METHOD_POST, "/v1/batch", "{\"requests\":[]}");
    refused(w, 400, "out_of_range", "body.requests");
    ask(w, A, METHOD_POST, "/v1/batch", "{\"requests\":[{\"do\":\"GET\"}]}");
    assert_int_equal(w->x.status, 400);
    ask(w, -1, METHOD_POST, "/v1/batch", "{\"requests\":[]}");
    refused(w, 401, "unauthorized", NULL);
}

static void test_seen_is_written(void **state)
{
    struct world *w = *state;

    assert_int_equal(ask(w, A, METHOD_POST, in_group(w, "/messages"), message(w, 1, "hi")), 201);
    assert_int_equal(ask(w, B, METHOD_GET, "/v1/events?after=7.1", NULL), 200);
    for (int n = 0; n < 300 && !w->f.store->device[B].acknowledged; n++) {
        loop_wait(w->f.chat.loop, true);
        fake_chat_run(&w->f);
    }
    assert_int_equal(w->f.store->device[B].acknowledged, 1);
}

static void test_admin(void **state)
{
    struct world *w = *state;

    prepare(w, -1, METHOD_GET, "/readyz", NULL);
    admin_request(&w->x, &w->api);
    assert_int_equal(w->x.status, 200);
    w->api.is_draining = true;
    prepare(w, -1, METHOD_GET, "/readyz", NULL);
    admin_request(&w->x, &w->api);
    assert_int_equal(w->x.status, 503);
    prepare(w, -1, METHOD_GET, "/livez", NULL);
    admin_request(&w->x, &w->api);
    assert_int_equal(w->x.status, 200);
    prepare(w, -1, METHOD_GET, "/metrics", NULL);
    admin_request(&w->x, &w->api);
    says(w, "posthorn_connections_accepted_total 3\n");
    prepare(w, -1, METHOD_GET, "/v1/discover", NULL);
    admin_request(&w->x, &w->api);
    assert_int_equal(w->x.status, 404);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(test_register_and_login),
        SCENE(test_registration_rules),
        SCENE(test_who_says_this),
        SCENE(test_cookies_need_an_origin),
        SCENE(test_heads),
        SCENE(test_send),
        SCENE(test_sends_are_limited),
        SCENE(test_cursors),
        SCENE(test_a_long_poll),
        SCENE(test_what_ends_a_long_poll),
        SCENE(test_hang_up_while_the_store_works),
        SCENE(test_conversations),
        SCENE(test_batch),
        SCENE(test_seen_is_written),
        SCENE(test_admin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
