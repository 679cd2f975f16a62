/* unit/net/test_websocket.c - messages, pings, pausing and the two ways to close, on an exchange that is a fake */
#include "net/websocket.h"
#include "unit/net/tunnel.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SAID_MAX = 8192, TURN_MS = 20 };

struct fake {
    struct tunnel_fake t;
    struct loop_timer tick;
    struct websocket *w;
    struct websocket_events events;
    char said[SAID_MAX]; /* T(abc) B(abc) room closed1000, one behind the other */
    bool pauses_at_messages, pings_at_messages, closes_at_messages, inside;
};

static void say(struct fake *f, const char *what, struct text t)
{
    size_t at = strlen(f->said);

    assert_false(f->inside); /* nothing is told inside a call of ours */
    snprintf(f->said + at, sizeof(f->said) - at, t.at ? "%s(%.*s)" : "%s", what, (int)t.bytes, t.at);
}

static void on_message(struct websocket *w, bool is_text, struct text message, void *ctx)
{
    struct fake *f = ctx;

    assert_ptr_equal(w, f->w);
    say(f, is_text ? "T" : "B", message);
    f->inside = true;
    if (f->pauses_at_messages)
        websocket_pause(w, true);
    if (f->pings_at_messages)
        websocket_ping(w);
    if (f->closes_at_messages)
        websocket_close(w, WEBSOCKET_POLICY, "revoked");
    f->inside = false;
}

static void on_room(struct websocket *w, void *ctx)
{
    assert_ptr_equal(w, ((struct fake *)ctx)->w);
    say(ctx, "room", (struct text){ NULL, 0 });
}

static void on_closed(struct websocket *w, uint16_t code, void *ctx)
{
    struct fake *f = ctx;
    char what[16];

    assert_ptr_equal(w, f->w);
    snprintf(what, sizeof(what), "closed%u", code);
    say(f, what, (struct text){ NULL, 0 });
    f->w = NULL;
}

static void nothing(void *ctx)
{
    (void)ctx;
}

static int set_up(void **state)
{
    struct fake *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    tunnel_fake_init(&f->t);
    loop_timer_init(&f->tick, f->t.set->loop, nothing, f);
    f->events = (struct websocket_events){ on_message, on_room, on_closed };
    f->w = websocket_accept(&f->t.x, TEXT("posthorn.v1"), false, &f->events, f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fake *f = *state;

    if (f->w)
        websocket_drop(&f->w);
    loop_timer_clear(&f->tick);
    tunnel_fake_fini(&f->t);
    free(f);
    return 0;
}

/* Turns of the loop, for ms. */
static void run(struct fake *f, unsigned ms)
{
    uint64_t until;

    loop_wait(f->t.set->loop, false);
    for (until = loop_now_ms(f->t.set->loop) + ms; loop_now_ms(f->t.set->loop) < until;) {
        loop_timer_set(&f->tick, TURN_MS);
        loop_wait(f->t.set->loop, true);
    }
}

/* Masked with zeros, which changes nothing. */
static size_t masked(char *into, unsigned first, const char *payload, size_t bytes)
{
    assert_true(bytes < 126);
    into[0] = (char)first;
    into[1] = (char)(0x80 | bytes);
    memset(into + 2, 0, 4);
    memcpy(into + 6, payload, bytes);
    return 6 + bytes;
}

static void frame(struct fake *f, unsigned first, const char *payload)
{
    char bytes[6 + 125];

    tunnel_fake_come(&f->t, bytes, masked(bytes, first, payload, strlen(payload)));
}

static void expect_out(struct fake *f, const char *at, size_t bytes)
{
    assert_int_equal(f->t.out.bytes, bytes);
    if (bytes)
        assert_memory_equal(f->t.out.at, at, bytes);
    buf_drop(&f->t.out, f->t.out.bytes);
}

static void expect_said(struct fake *f, const char *said)
{
    assert_string_equal(f->said, said);
    f->said[0] = 0;
}

static void messages_in_and_out(void **state)
{
    struct fake *f = *state;
    struct blob *b = blob_copy(TEXT("shared"));

    assert_string_equal(f->t.fields, "sec-websocket-protocol: posthorn.v1\n");
    assert_true(f->t.is_forgotten); /* its head would cost more than the WebSocket */
    frame(f, 0x81, "hello");
    frame(f, 0x01, "in ");
    frame(f, 0x80, "two");
    expect_said(f, "T(hello)T(in two)");
    f->t.pieces = 0;
    websocket_send(f->w, blob_ref(b));
    assert_int_equal(b->refs, 1); /* the fake has let go of it: it was this one, and no copy */
    assert_int_equal(f->t.pieces, 2);
    websocket_send_binary(f->w, b);
    websocket_ping(f->w);
    expect_out(f, "\x81\x06shared\x82\x06shared\x89\0", 18);
    assert_int_equal(websocket_unsent(f->w), 18);
}

static void pings_are_answered(void **state)
{
    struct fake *f = *state;

    frame(f, 0x89, "a");
    frame(f, 0x8a, "unasked");
    frame(f, 0x89, "");
    expect_out(f,
               "\x8a\x01"
               "a\x8a\0",
               5);
    expect_said(f, "");
}

static void only_the_newest_pong_is_kept(void **state)
{
    struct fake *f = *state;
    size_t first;

    for (int i = 0; i < 10000; i++)
        frame(f, 0x89, "0123456789");
    first = f->t.out.bytes;
    assert_in_range(first, 4096 - 12, 4096 + 12);
    buf_drop(&f->t.out, first);
    frame(f, 0x89, "newest");
    run(f, 150);
    expect_out(f, "", 0);
    f->t.unsent = 0;
    run(f, 150);
    expect_out(f, "\x8a\x06newest", 8);
    run(f, 150);
    expect_out(f, "", 0);
}

static void the_peer_closes(void **state)
{
    struct fake *f = *state;

    frame(f, 0x88,
          "\x03\xf4"
          "moved");
    expect_out(f, "\x88\x02\x03\xf4", 4);
    expect_said(f, "closed1012");
    assert_true(f->t.is_finished && !f->t.gone);
}

static void the_peer_closes_without_a_code(void **state)
{
    struct fake *f = *state;
    char bytes[40];
    size_t count = masked(bytes, 0x88, "", 0);

    count += masked(bytes + count, 0x81, "late", 4);
    tunnel_fake_come(&f->t, bytes, count);
    expect_out(f, "\x88\0", 2);
    expect_said(f, "closed1005");
}

static void we_close(void **state)
{
    struct fake *f = *state;

    websocket_close(f->w, WEBSOCKET_RESTART, "retry=800");
    websocket_close(f->w, WEBSOCKET_NORMAL, NULL);
    websocket_send(f->w, blob_copy(TEXT("too late")));
    websocket_ping(f->w);
    expect_out(f, "\x88\x0b\x03\xf4retry=800", 13);
    frame(f, 0x81, "not told");
    frame(f, 0x89, "not answered");
    expect_said(f, "");
    assert_false(f->t.is_finished);
    frame(f, 0x88, "\x03\xe8");
    expect_out(f, "", 0);
    expect_said(f, "closed1000");
    assert_true(f->t.is_finished);
}

static void the_peer_does_not_answer_our_close(void **state)
{
    struct fake *f = *state;

    websocket_close(f->w, WEBSOCKET_NORMAL, NULL);
    run(f, 4500);
    expect_said(f, "");
    run(f, 1000);
    expect_said(f, "closed1006");
    assert_true(f->t.is_aborted);
}

static void broken_rules_close(void **state)
{
    struct fake *f = *state;

    frame(f, 0x82, "binary");
    expect_out(f, "\x88\x02\x03\xeb", 4);
    expect_said(f, "closed1003");
    assert_true(f->t.is_finished);
}

static void broken_rules_after_our_close(void **state)
{
    struct fake *f = *state;

    websocket_close(f->w, WEBSOCKET_NORMAL, "");
    expect_out(f, "\x88\x02\x03\xe8", 4);
    frame(f, 0x81, "\xff");
    expect_out(f, "", 0);
    expect_said(f, "closed1007");
    assert_true(f->t.is_finished);
}

static void the_connection_is_lost(void **state)
{
    struct fake *f = *state;

    frame(f, 0x01, "half a mess");
    f->t.has_left = true;
    f->t.gone(&f->t.x, f->t.gone_ctx);
    expect_said(f, "closed1006");
}

static void the_peer_ends_without_a_word(void **state)
{
    struct fake *f = *state;

    f->t.input(&f->t.x, (struct text){ NULL, 0 }, f->t.input_ctx);
    expect_out(f, "", 0);
    expect_said(f, "closed1006");
    assert_true(f->t.is_finished && !f->t.gone);
}

static void a_pause_keeps_what_comes(void **state)
{
    struct fake *f = *state;
    char bytes[100];
    size_t count = masked(bytes, 0x81, "one", 3);

    count += masked(bytes + count, 0x81, "two", 3);
    count += masked(bytes + count, 0x81, "three", 5);
    f->pauses_at_messages = true;
    tunnel_fake_come(&f->t, bytes, count - 2);
    expect_said(f, "T(one)");
    assert_true(f->t.is_paused);
    tunnel_fake_come(&f->t, bytes + count - 2, 2);
    frame(f, 0x89, "!");
    run(f, 50);
    expect_said(f, "");
    f->inside = true;
    websocket_pause(f->w, false);
    f->inside = false;
    run(f, 50);
    expect_said(f, "T(two)");
    assert_true(f->t.is_paused);
    f->pauses_at_messages = false;
    websocket_pause(f->w, false);
    frame(f, 0x81, "four"); /* comes before the rest was told */
    expect_said(f, "");
    run(f, 50);
    expect_said(f, "T(three)T(four)");
    expect_out(f, "\x8a\x01!", 3);
    assert_false(f->t.is_paused);
    frame(f, 0x81, "five");
    expect_said(f, "T(five)");
}

/* A ping, a pause, half a message and a close in each other's way: nothing is lost or leaked. */
static void all_that_waits_at_once(void **state)
{
    struct fake *f = *state;
    char bytes[40];
    size_t half = masked(bytes, 0x01, "half ", 5), count = half;

    count += masked(bytes + count, 0x80, "whole", 5);
    f->t.unsent = 100000;
    frame(f, 0x89, "first");
    tunnel_fake_come(&f->t, bytes, half);
    websocket_pause(f->w, true);
    frame(f, 0x89, ""); /* not looked at yet */
    run(f, 120);
    expect_out(f, "", 0);
    websocket_pause(f->w, false);
    run(f, 120);
    tunnel_fake_come(&f->t, bytes + half, count - half);
    expect_said(f, "T(half whole)");
    f->t.unsent = 0;
    run(f, 120);
    expect_out(f, "\x8a\0", 2);
    f->t.unsent = 100000;
    frame(f, 0x89, "last");
    websocket_close(f->w, WEBSOCKET_NORMAL, "");
    f->t.unsent = 0;
    run(f, 120);
    expect_out(f, "\x88\x02\x03\xe8", 4);
}

static void what_a_pause_keeps_is_bounded(void **state)
{
    struct fake *f = *state;
    char *much = calloc(1, 10000);

    assert_non_null(much);
    websocket_pause(f->w, true);
    for (int i = 0; i < 19; i++)
        tunnel_fake_come(&f->t, much, 10000);
    expect_said(f, "");
    tunnel_fake_come(&f->t, much, 10000);
    expect_said(f, "closed1009");
    assert_true(f->t.is_aborted);
    free(much);
}

static void the_end_waits_for_the_pause(void **state)
{
    struct fake *f = *state;

    websocket_pause(f->w, true);
    frame(f, 0x81, "last");
    f->t.input(&f->t.x, (struct text){ NULL, 0 }, f->t.input_ctx);
    run(f, 50);
    expect_said(f, "");
    websocket_pause(f->w, false);
    run(f, 50);
    expect_said(f, "T(last)closed1006");
}

static void a_close_ends_the_pause(void **state)
{
    struct fake *f = *state;

    websocket_pause(f->w, true);
    frame(f, 0x81, "not told");
    frame(f, 0x88, "\x03\xe8");
    f->inside = true;
    websocket_close(f->w, WEBSOCKET_GOING, "replaced");
    f->inside = false;
    expect_out(f, "\x88\x0a\x03\xe9replaced", 12);
    run(f, 50);
    expect_said(f, "closed1000");
}

static void calls_inside_a_message(void **state)
{
    struct fake *f = *state;
    char bytes[100];
    size_t count = masked(bytes, 0x81, "one", 3);

    count += masked(bytes + count, 0x81, "two", 3);
    f->pings_at_messages = f->closes_at_messages = f->pauses_at_messages = true;
    tunnel_fake_come(&f->t, bytes, count);
    expect_said(f, "T(one)");
    expect_out(f, "\x89\0\x88\x09\x03\xf0revoked", 13);
    run(f, 50);
    frame(f, 0x88, "\x03\xf0");
    expect_said(f, "closed1008");
}

static void room_is_passed_on(void **state)
{
    struct fake *f = *state;

    f->t.room(&f->t.x, f->t.room_ctx);
    expect_said(f, "room");
    websocket_close(f->w, WEBSOCKET_NORMAL, "");
    f->t.room(&f->t.x, f->t.room_ctx);
    expect_said(f, "");
}

static void when_it_was_heard_of(void **state)
{
    struct fake *f = *state;
    uint64_t before = websocket_heard_ms(f->w);

    run(f, 30);
    assert_int_equal(websocket_heard_ms(f->w), before);
    tunnel_fake_come(&f->t, "\x81", 1);
    assert_true(websocket_heard_ms(f->w) >= before + 30);
}

static void dropping_says_nothing(void **state)
{
    struct fake *f = *state;

    frame(f, 0x01, "half");
    websocket_close(f->w, WEBSOCKET_NORMAL, "");
    websocket_drop(&f->w);
    assert_null(f->w);
    assert_true(f->t.is_aborted && !f->t.gone);
    run(f, 50);
    expect_said(f, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define ONE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        ONE(messages_in_and_out),
        ONE(pings_are_answered),
        ONE(only_the_newest_pong_is_kept),
        ONE(the_peer_closes),
        ONE(the_peer_closes_without_a_code),
        ONE(we_close),
        ONE(the_peer_does_not_answer_our_close),
        ONE(broken_rules_close),
        ONE(broken_rules_after_our_close),
        ONE(the_connection_is_lost),
        ONE(the_peer_ends_without_a_word),
        ONE(a_pause_keeps_what_comes),
        ONE(all_that_waits_at_once),
        ONE(what_a_pause_keeps_is_bounded),
        ONE(the_end_waits_for_the_pause),
        ONE(a_close_ends_the_pause),
        ONE(calls_inside_a_message),
        ONE(room_is_passed_on),
        ONE(when_it_was_heard_of),
        ONE(dropping_says_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
