/* unit/api/test_requests.c - requests in, answers out: every verb and every refusal, without a net or a Postgres */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "api/admin.h"
#include "desk.h"
#include <cmocka.h>
#include <stdio.h>

static void test_register_and_login(void **state)
{
    struct world *w = *state;
    const char *login = "{\"handle\":\"Dan\",\"password\":\"long enough\",\"cookie\":true,"
                        "\"device\":{\"name\":\"n\",\"platform\":\"p\"}}";

    assert_int_equal(
        desk_ask(w, -1, METHOD_POST, "/v1/accounts", "{\"handle\":\"Dan\",\"password\":\"long enough\"}"),
        201);
    desk_says(w, "\"handle\":\"dan\"");
    assert_true(w->x.is_trusted);
    desk_ask(w, -1, METHOD_POST, "/v1/accounts", "{\"handle\":\"dan\",\"password\":\"long enough\"}");
    desk_refused(w, 409, "handle_taken", NULL);
    assert_false(w->x.is_trusted);
    desk_ask(w, -1, METHOD_POST, "/v1/accounts", "{\"handle\":\"d\xc3\xa4n \",\"password\":\"long enough\"}");
    desk_refused(w, 400, "out_of_range", "body.handle");
    desk_ask(w, -1, METHOD_POST, "/v1/accounts", "{\"handle\":\"eve\",\"password\":\"short\"}");
    desk_refused(w, 400, "out_of_range", "body.password");
    assert_int_equal(desk_ask(w, -1, METHOD_POST, "/v1/sessions", login), 201);
    desk_says(w, "\"token\":\"");
    desk_says(w, "\"cursor\":\"7.0\"");
    assert_non_null(strstr(w->x.fields, "set-cookie: __Host-posthorn="));
    assert_non_null(strstr(w->x.fields, "; Path=/; Secure; HttpOnly; SameSite=Strict"));
    assert_null(strstr(w->f.store->account[PEOPLE].hash, "long enough"));
    desk_ask(
        w, -1, METHOD_POST, "/v1/sessions",
        "{\"handle\":\"dan\",\"password\":\"wrong one\",\"device\":{\"name\":\"n\",\"platform\":\"p\"}}");
    desk_refused(w, 401, "bad_credentials", NULL);
    assert_non_null(strstr(w->x.fields, "www-authenticate: Bearer"));
}

static void test_registration_rules(void **state)
{
    struct world *w = *state;
    const char *eve = "{\"handle\":\"eve\",\"password\":\"long enough\"}";

    snprintf(w->f.config.accounts_registration, sizeof w->f.config.accounts_registration, "closed");
    desk_ask(w, -1, METHOD_POST, "/v1/accounts", eve);
    desk_refused(w, 403, "registration_closed", NULL);
    snprintf(w->f.config.accounts_registration, sizeof w->f.config.accounts_registration, "invite");
    desk_ask(w, -1, METHOD_POST, "/v1/accounts", eve);
    desk_refused(w, 403, "registration_closed", NULL);
    w->api.invite = "sesame";
    desk_ask(w, -1, METHOD_POST, "/v1/accounts",
             "{\"handle\":\"eve\",\"password\":\"long enough\",\"invite\":\"sesam\"}");
    desk_refused(w, 403, "registration_closed", NULL);
    desk_ask(w, -1, METHOD_POST, "/v1/accounts",
             "{\"handle\":\"eve\",\"password\":\"long enough\",\"invite\":\"sesamE\"}");
    desk_refused(w, 403, "registration_closed", NULL);
    assert_int_equal(desk_ask(w, -1, METHOD_POST, "/v1/accounts",
                              "{\"handle\":\"eve\",\"password\":\"long enough\",\"invite\":\"sesame\"}"),
                     201);
}

static void test_who_says_this(void **state)
{
    struct world *w = *state;

    desk_ask(w, -1, METHOD_GET, "/v1/sessions", NULL);
    desk_refused(w, 401, "unauthorized", NULL);
    assert_int_equal(desk_ask(w, A, METHOD_GET, "/v1/sessions", NULL), 200);
    desk_says(w, "\"current\":true");
    w->token[A][0] ^= 1;
    desk_ask(w, A, METHOD_GET, "/v1/sessions", NULL);
    desk_refused(w, 401, "unauthorized", NULL);
    fake_store_fail(w->f.store, ERR_STORE_DOWN, 0, 1);
    desk_ask(w, B, METHOD_GET, "/v1/sessions", NULL);
    desk_refused(w, 503, "store_down", NULL);
    desk_says(w, "\"retry_ms\":");
    assert_non_null(strstr(w->x.fields, "retry-after: "));
}

static int ask_by_cookie(struct world *w, enum method method, const char *target, const char *origin)
{
    static char cookie[160];

    desk_prepare(w, -1, method, target, NULL);
    snprintf(cookie, sizeof cookie, "other=1; __Host-posthorn=%s; more=2", w->token[A]);
    w->x.head.cookie = text_of(cookie);
    w->x.head.origin = text_of(origin);
    return desk_ask_prepared(w);
}

static void test_cookies_need_an_origin(void **state)
{
    struct world *w = *state;

    assert_int_equal(ask_by_cookie(w, METHOD_GET, "/v1/sessions", "https://a.example"), 200);
    assert_int_equal(ask_by_cookie(w, METHOD_GET, "/v1/sessions", "https://b.example"), 200);
    assert_int_equal(ask_by_cookie(w, METHOD_GET, "/v1/sessions", "https://here:1"), 200);
    assert_int_equal(ask_by_cookie(w, METHOD_GET, "/v1/sessions", NULL), 200); /* the page's own */
    ask_by_cookie(w, METHOD_GET, "/v1/sessions", "https://evil.example");
    desk_refused(w, 403, "bad_origin", NULL);
    ask_by_cookie(w, METHOD_GET, "/v1/sessions", "https://a.example.evil");
    desk_refused(w, 403, "bad_origin", NULL);
    ask_by_cookie(w, METHOD_GET, "/v1/sessions", "null");
    desk_refused(w, 403, "bad_origin", NULL);
    ask_by_cookie(w, METHOD_DELETE, "/v1/sessions/current", NULL);
    desk_refused(w, 403, "bad_origin", NULL);
    assert_int_equal(w->f.store->devices_count, PEOPLE);
    assert_int_equal(ask_by_cookie(w, METHOD_DELETE, "/v1/sessions/current", "https://a.example"), 200);
    assert_non_null(strstr(w->x.fields, "Max-Age=0"));
    assert_int_equal(w->f.store->devices_count, PEOPLE - 1);
}

static void test_heads(void **state)
{
    struct world *w = *state;

    desk_ask(w, A, METHOD_GET, "/v1/nothing", NULL);
    desk_refused(w, 404, "not_found", NULL);
    desk_ask(w, -1, METHOD_OPTIONS, "/v1/conversations", NULL);
    desk_refused(w, 405, "method_not_allowed", NULL);
    assert_non_null(strstr(w->x.fields, "allow: POST\n"));
    desk_prepare(w, A, METHOD_POST, "/v1/conversations", "{}");
    w->x.head.content_type = TEXT("text/plain");
    desk_ask_prepared(w);
    desk_refused(w, 415, "unsupported_media_type", NULL);
    desk_prepare(w, A, METHOD_POST, "/v1/users/me", "{\"name\":\"Ada\"}");
    w->x.head.method_override = TEXT("PATCH");
    assert_int_equal(desk_ask_prepared(w), 200);
    desk_says(w, "\"name\":\"Ada\"");
    desk_prepare(w, A, METHOD_GET, "/v1/users/me", NULL); /* only a POST may be called something else */
    w->x.head.method_override = TEXT("PATCH");
    desk_ask_prepared(w);
    desk_refused(w, 405, "method_not_allowed", NULL);
    desk_ask(w, A, METHOD_GET, "/v1/sessions?x=1", NULL);
    desk_refused(w, 400, "unknown_field", "query.x");
    assert_int_equal(desk_ask(w, -1, METHOD_GET, "/v1/discover", NULL), 200);
    desk_says(w, "{\"nodes\":[{\"url\":\"https://here:1\",\"region\":\"\",\"load\":0}]}");
    assert_int_equal(desk_ask(w, A, METHOD_HEAD, "/v1/snapshot", NULL), 200);
}

static void test_send(void **state)
{
    struct world *w = *state;
    char first[256];

    assert_int_equal(desk_ask(w, A, METHOD_POST, desk_in_group(w, "/messages"), desk_message(w, 1, "hi")),
                     201);
    desk_says(w, "\"seq\":1");
    snprintf(first, sizeof first, "%s", w->x.answer->at);
    assert_int_equal(desk_ask(w, A, METHOD_POST, desk_in_group(w, "/messages"), desk_message(w, 1, "hi")),
                     200);
    assert_string_equal(w->x.answer->at, first);
    desk_ask(w, A, METHOD_POST, desk_in_group(w, "/messages"), desk_message(w, 1, "ho"));
    desk_refused(w, 409, "key_reused", "body.key");
    desk_ask(w, C, METHOD_POST, desk_in_group(w, "/messages"), desk_message(w, 2, "hi"));
    desk_refused(w, 404, "not_found", NULL);
    desk_ask(w, A, METHOD_POST, desk_in_group(w, "/messages"),
             "{\"key\":\"00000000000000000000000001\",\"text\":\"x\"}");
    desk_refused(w, 422, "stale_key", "body.key");
    desk_ask(w, A, METHOD_POST, desk_in_group(w, "/messages"), "{\"key\":\"x\",\"text\":\"x\"}");
    desk_refused(w, 400, "out_of_range", "body.key");
    assert_int_equal(desk_ask(w, B, METHOD_GET, "/v1/events?after=7.0", NULL), 200);
    desk_says(w, "\"i\":1,\"t\":\"message\"");
    desk_says(w, "\"cursor\":\"7.1\"");
    assert_int_equal(desk_ask(w, B, METHOD_GET, desk_in_group(w, "/messages"), NULL), 200);
    desk_says(w, "\"text\":\"hi\"");
    desk_says(w, "\"more\":false");
    assert_int_equal(desk_ask(w, B, METHOD_PUT, desk_in_group(w, "/marks"), "{\"read\":1}"), 200);
    desk_ask(w, B, METHOD_PUT, desk_in_group(w, "/marks"), "{\"read\":2}");
    desk_refused(w, 400, "out_of_range", "body.read");
    desk_ask(w, B, METHOD_PUT, desk_in_group(w, "/marks"), "{}");
    desk_refused(w, 400, "missing_field", "body.read");
}

static void test_sends_are_limited(void **state)
{
    struct world *w = *state;
    int status = 201, sent = 0;

    for (unsigned n = 0; n < 250 && status == 201; n++, sent++)
        status = desk_ask(w, A, METHOD_POST, desk_in_group(w, "/messages"), desk_message(w, n, "x"));
    desk_refused(w, 429, "rate_limited", NULL);
    assert_in_range(sent, 200, 230);
    assert_non_null(strstr(w->x.fields, "retry-after: 1"));
    assert_int_equal(desk_ask(w, B, METHOD_POST, desk_in_group(w, "/messages"), desk_message(w, 0, "x")),
                     201);
}

static void test_cursors(void **state)
{
    struct world *w = *state;

    desk_ask(w, A, METHOD_GET, "/v1/events?after=8.0", NULL);
    desk_refused(w, 410, "resync", "query.after");
    desk_ask(w, A, METHOD_GET, "/v1/events?after=7.1", NULL);
    desk_refused(w, 410, "resync", NULL);
    desk_ask(w, A, METHOD_GET, "/v1/events?after=7", NULL);
    desk_refused(w, 400, "bad_cursor", "query.after");
    desk_ask(w, A, METHOD_GET, "/v1/events", NULL);
    desk_refused(w, 400, "missing_field", "query.after");
    assert_int_equal(desk_ask(w, A, METHOD_GET, "/v1/events?after=now", NULL), 200);
    assert_string_equal(w->x.answer->at, "{\"events\":[],\"cursor\":\"7.0\",\"more\":false,\"retry_ms\":0}");
    w->f.store->timeline = 8; /* restored between the look and the reading */
    desk_ask(w, A, METHOD_GET, "/v1/events?after=7.0", NULL);
    desk_refused(w, 410, "resync", NULL);
}

/* A poll that waits, in an exchange of its own. */
static void wait_for_events(struct world *w, int who, struct exchange *x)
{
    desk_prepare(w, who, METHOD_GET, "/v1/events?after=7.0&wait=30", NULL);
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
    assert_int_equal(desk_ask(w, A, METHOD_POST, desk_in_group(w, "/messages"), desk_message(w, 1, "hi")),
                     201);
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
    assert_int_equal(desk_ask(w, A, METHOD_DELETE, "/v1/sessions/current", NULL), 200);
    fake_chat_run(&w->f);
    assert_int_equal(second.status, 401);
    wait_for_events(w, B, &third);
    w->api.is_draining = true;
    hub_end(w->api.hub, 0, 1);
    fake_chat_run(&w->f);
    assert_int_equal(third.status, 200);
    assert_null(strstr(third.answer->at, "\"retry_ms\":0"));
    assert_int_equal(hub_count(w->api.hub), 0);
    fake_net_fini(&first);
    fake_net_fini(&second);
    fake_net_fini(&third);
}

/* The client goes away while its session, and then while its inbox is being read: nothing is left behind. */
static void test_hang_up_while_the_store_works(void **state)
{
    struct world *w = *state;

    for (int n = 0; n < 2; n++) {
        struct exchange x;
        w->f.store->is_holding = true;
        wait_for_events(w, A, &x);
        assert_int_equal(w->f.store->held_count, 1);
        uint32_t calls = w->f.store->calls;
        fake_net_hang_up(&x);
        fake_store_release(w->f.store);
        fake_chat_run(&w->f);
        assert_int_equal(x.status, 0);
        assert_int_equal(w->f.store->calls, calls); /* nothing more was begun */
        assert_int_equal(w->f.ops.live, 0);
        assert_int_equal(hub_count(w->api.hub), 0);
        fake_net_fini(&x);
        assert_int_equal(desk_ask(w, A, METHOD_GET, "/v1/sessions", NULL),
                         200); /* the session is known now */
    }
}

/* A message is told to nobody before its commit; after it to everybody, even when its sender has gone meanwhile. */
static void test_hang_up_while_it_commits(void **state)
{
    struct world *w = *state;

    assert_int_equal(desk_ask(w, A, METHOD_POST, desk_in_group(w, "/messages"), desk_message(w, 1, "first")),
                     201);
    for (int n = 0; n < 2; n++) {
        bool hangs_up = n == 1;
        struct exchange poll, sending;
        char target[64];

        snprintf(target, sizeof target, "/v1/events?after=7.%d&wait=30", n + 1);
        desk_prepare(w, B, METHOD_GET, target, NULL);
        poll = w->x;
        api_request(&poll, &w->api);
        fake_chat_run(&w->f);
        assert_int_equal(poll.status, 0);
        w->f.store->is_holding = true;
        desk_prepare(w, A, METHOD_POST, desk_in_group(w, "/messages"),
                     desk_message(w, 2 + (unsigned)n, "held"));
        sending = w->x;
        api_request(&sending, &w->api);
        fake_chat_run(&w->f);
        assert_int_equal(w->f.store->held_count, 1);
        assert_int_equal(sending.status, 0); /* not acknowledged, and not delivered */
        assert_int_equal(poll.status, 0);
        if (hangs_up)
            fake_net_hang_up(&sending);
        fake_store_release(w->f.store);
        fake_chat_run(&w->f);
        assert_int_equal(sending.status, hangs_up ? 0 : 201);
        assert_int_equal(poll.status, 200);
        assert_non_null(strstr(poll.answer->at, "\"text\":\"held\""));
        fake_net_fini(&poll);
        fake_net_fini(&sending);
    }
    assert_int_equal(w->f.ops.live, 0);
}

static void test_conversations(void **state)
{
    struct world *w = *state;
    char body[128];

    snprintf(body, sizeof body, "{\"kind\":\"direct\",\"with\":\"%llu\"}", (unsigned long long)w->who[C].n);
    assert_int_equal(desk_ask(w, A, METHOD_POST, "/v1/conversations", body), 201);
    assert_int_equal(desk_ask(w, A, METHOD_POST, "/v1/conversations", body), 200);
    desk_says(w, "\"kind\":\"direct\"");
    desk_ask(w, C, METHOD_POST, "/v1/conversations", body);
    desk_refused(w, 400, "out_of_range", "body.with");
    desk_ask(w, A, METHOD_POST, "/v1/conversations", "{\"kind\":\"group\"}");
    desk_refused(w, 400, "missing_field", "body.title");
    assert_int_equal(desk_ask(w, A, METHOD_POST, "/v1/conversations", "{\"kind\":\"group\",\"title\":\"T\"}"),
                     201);
    desk_says(w, "\"role\":\"owner\"");
    assert_int_equal(desk_ask(w, A, METHOD_GET, "/v1/snapshot?limit=2", NULL), 200);
    desk_says(w, "\"next_page\":\"");
    desk_ask(w, A, METHOD_GET, "/v1/snapshot?page=x", NULL);
    desk_refused(w, 400, "out_of_range", "query.page");
    desk_ask(w, C, METHOD_GET, desk_in_group(w, ""), NULL);
    desk_refused(w, 404, "not_found", NULL);
    assert_int_equal(desk_ask(w, B, METHOD_GET, desk_in_group(w, "/members"), NULL), 200);
    desk_says(w, "\"role\":\"member\"");
    snprintf(body, sizeof body, "/members/%llu", (unsigned long long)w->who[C].n);
    assert_int_equal(desk_ask(w, A, METHOD_PUT, desk_in_group(w, body), "{\"role\":\"member\"}"), 201);
    assert_int_equal(desk_ask(w, A, METHOD_PUT, desk_in_group(w, body), "{\"role\":\"admin\"}"), 200);
    desk_ask(w, B, METHOD_DELETE, desk_in_group(w, body), NULL);
    desk_refused(w, 403, "forbidden", NULL);
    assert_int_equal(desk_ask(w, A, METHOD_DELETE, desk_in_group(w, body), NULL), 200);
    desk_ask(w, B, METHOD_PATCH, desk_in_group(w, ""), "{\"title\":\"X\"}");
    desk_refused(w, 403, "forbidden", NULL);
    assert_int_equal(desk_ask(w, A, METHOD_PATCH, desk_in_group(w, ""), "{\"title\":\"X\"}"), 200);
    desk_says(w, "\"title\":\"X\"");
}

static void test_batch(void **state)
{
    struct world *w = *state;

    assert_int_equal(desk_ask(w, A, METHOD_POST, "/v1/batch",
                              "{\"requests\":[{\"do\":\"GET\",\"path\":\"/v1/users?handle=bob\"},"
                              "{\"do\":\"GET\",\"path\":\"/v1/nothing\"},"
                              "{\"do\":\"PATCH\",\"path\":\"/v1/users/me\",\"body\":{\"name\":\"Ada\"}},"
                              "{\"do\":\"GET\",\"path\":\"/v1/events?after=now&wait=30\"},"
                              "{\"do\":\"POST\",\"path\":\"/v1/batch\","
                              "\"body\":{\"requests\":[{\"do\":\"GET\",\"path\":\"/v1/discover\"}]}}]}"),
                     200);
    desk_says(w, "{\"responses\":[{\"status\":200,\"body\":{\"id\":");
    desk_says(w, "{\"status\":404,\"body\":{\"type\":\"about:blank\"");
    desk_says(w, "\"name\":\"Ada\"");
    desk_says(w, "{\"status\":200,\"body\":{\"events\":[]");
    desk_says(w, "{\"status\":400,\"body\":");
    desk_ask(w, A, METHOD_POST, "/v1/batch", "{\"requests\":[]}");
    desk_refused(w, 400, "out_of_range", "body.requests");
    desk_ask(w, A, METHOD_POST, "/v1/batch", "{\"requests\":[{\"do\":\"GET\"}]}");
    assert_int_equal(w->x.status, 400);
    desk_ask(w, -1, METHOD_POST, "/v1/batch", "{\"requests\":[]}");
    desk_refused(w, 401, "unauthorized", NULL);
}

static void test_seen_is_written(void **state)
{
    struct world *w = *state;

    assert_int_equal(desk_ask(w, A, METHOD_POST, desk_in_group(w, "/messages"), desk_message(w, 1, "hi")),
                     201);
    assert_int_equal(desk_ask(w, B, METHOD_GET, "/v1/events?after=7.1", NULL), 200);
    for (int n = 0; n < 300 && !w->f.store->device[B].acknowledged; n++) {
        loop_wait(w->f.chat.loop, true);
        fake_chat_run(&w->f);
    }
    assert_int_equal(w->f.store->device[B].acknowledged, 1);
}

static void test_admin(void **state)
{
    struct world *w = *state;

    desk_prepare(w, -1, METHOD_GET, "/readyz", NULL);
    admin_request(&w->x, &w->api);
    assert_int_equal(w->x.status, 200);
    w->api.is_draining = true;
    desk_prepare(w, -1, METHOD_GET, "/readyz", NULL);
    admin_request(&w->x, &w->api);
    assert_int_equal(w->x.status, 503);
    desk_prepare(w, -1, METHOD_GET, "/livez", NULL);
    admin_request(&w->x, &w->api);
    assert_int_equal(w->x.status, 200);
    desk_prepare(w, -1, METHOD_GET, "/metrics", NULL);
    admin_request(&w->x, &w->api);
    desk_says(w, "posthorn_connections_accepted_total 3\n");
    desk_prepare(w, -1, METHOD_GET, "/v1/discover", NULL);
    admin_request(&w->x, &w->api);
    assert_int_equal(w->x.status, 404);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, desk_setup, desk_teardown)

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
        SCENE(test_hang_up_while_it_commits),
        SCENE(test_conversations),
        SCENE(test_batch),
        SCENE(test_seen_is_written),
        SCENE(test_admin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
