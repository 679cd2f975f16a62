/* unit/net/test_websocket.c - messages, pings, pausing and the two ways to close, on an exchange that is a fake
 *
 * The fake takes what is written and says how much of it has not left; the functions of net/exchange.h are here,
 * so that no other part of the net is linked.
 */
#include "net/conn.h"
#include "net/websocket.h"
#include "net/wsframe.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SAID_MAX = 8192, TURN_MS = 20 };

struct fake {
    struct exchange x; /* first: the functions below find the fake by it */
    struct conn_set *set;
    struct loop_timer tick;
    char fields[256];
    struct buf out; /* written and not looked at yet */
    size_t unsent, pieces;
    bool is_paused, is_finished, is_aborted, has_left;
    exchange_input_fn *input;
    exchange_room_fn *room;
    exchange_gone_fn *gone;
    void *input_ctx, *room_ctx, *gone_ctx;
    struct websocket *w;
    struct websocket_events events;
    char said[SAID_MAX]; /* T(abc) B(abc) room closed1000, one behind the other */
    bool pauses_at_messages, pings_at_messages, closes_at_messages, inside;
};

static struct fake *fake_of(struct exchange *x)
{
    return (struct fake *)x;
}

void exchange_tunnel(struct exchange *x, const struct exchange_field *fields, size_t fields_count,
                     exchange_input_fn *input, void *ctx)
{
    struct fake *f = fake_of(x);

    for (size_t i = 0; i < fields_count; i++)
        snprintf(f->fields + strlen(f->fields), sizeof(f->fields) - strlen(f->fields), "%s: %.*s\n",
                 fields[i].name, (int)fields[i].value.bytes, fields[i].value.at);
    f->input = input;
    f->input_ctx = ctx;
}

void exchange_write(struct exchange *x, struct blob *piece)
{
    struct fake *f = fake_of(x);

    assert_false(f->is_finished || f->is_aborted || f->has_left);
    buf_put_text(&f->out, blob_text(piece));
    f->unsent += piece->bytes;
    f->pieces++;
    blob_free(&piece);
}

void exchange_finish(struct exchange *x)
{
    struct fake *f = fake_of(x);

    assert_false(f->is_finished || f->is_aborted || f->has_left);
    f->is_finished = true;
}

void exchange_abort(struct exchange *x)
{
    struct fake *f = fake_of(x);

    assert_false(f->is_finished || f->is_aborted || f->has_left);
    f->is_aborted = true;
}

size_t exchange_unsent(const struct exchange *x)
{
    return ((const struct fake *)x)->unsent;
}

void exchange_on_room(struct exchange *x, exchange_room_fn *room, void *ctx)
{
    fake_of(x)->room = room;
    fake_of(x)->room_ctx = ctx;
}

void exchange_on_gone(struct exchange *x, exchange_gone_fn *gone, void *ctx)
{
    fake_of(x)->gone = gone;
    fake_of(x)->gone_ctx = ctx;
}

void exchange_pause(struct exchange *x, bool on)
{
    fake_of(x)->is_paused = on;
}

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
    f->set = calloc(1, sizeof(*f->set));
    assert_non_null(f->set);
    f->x.set = f->set;
    f->set->loop = loop_new();
    loop_timer_init(&f->tick, f->set->loop, nothing, f);
    buf_init(&f->out, 1 << 20);
    f->events = (struct websocket_events){ on_message, on_room, on_closed };
    f->w = websocket_accept(&f->x, TEXT("posthorn.v1"), false, &f->events, f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fake *f = *state;

    if (f->w)
        websocket_drop(&f->w);
    loop_timer_clear(&f->tick);
    loop_free(&f->set->loop);
    buf_fini(&f->out);
    free(f->set);
    free(f);
    return 0;
}

/* Turns of the loop, for ms. */
static void run(struct fake *f, unsigned ms)
{
    uint64_t until;

    loop_wait(f->set->loop, false);
    for (until = loop_now_ms(f->set->loop) + ms; loop_now_ms(f->set->loop) < until;) {
        loop_timer_set(&f->tick, TURN_MS);
        loop_wait(f->set->loop, true);
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

static void come(struct fake *f, const char *at, size_t bytes)
{
    char *copy = malloc(bytes);

    assert_non_null(copy);
    memcpy(copy, at, bytes);
    f->input(&f->x, (struct text){ copy, bytes }, f->input_ctx);
    free(copy);
}

static void frame(struct fake *f, unsigned first, const char *payload)
{
    char bytes[6 + 125];

    come(f, bytes, masked(bytes, first, payload, strlen(payload)));
}

static void expect_out(struct fake *f, const char *at, size_t bytes)
{
    assert_int_equal(f->out.bytes, bytes);
    if (bytes)
        assert_memory_equal(f->out.at, at, bytes);
    buf_drop(&f->out, f->out.bytes);
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

    assert_string_equal(f->fields, "sec-websocket-protocol: posthorn.v1\n");
    frame(f, 0x81, "hello");
    frame(f, 0x01, "in ");
    frame(f, 0x80, "two");
    expect_said(f, "T(hello)T(in two)");
    f->pieces = 0;
    websocket_send(f->w, blob_ref(b));
    assert_int_equal(b->refs, 1); /* the fake has let go of it: it was this one, and no copy */
    assert_int_equal(f->pieces, 2);
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
    first = f->out.bytes;
    assert_in_range(first, 4096 - 12, 4096 + 12);
    buf_drop(&f->out, first);
    frame(f, 0x89, "newest");
    run(f, 150);
    expect_out(f, "", 0);
    f->unsent = 0;
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
    assert_true(f->is_finished && !f->gone);
}

static void the_peer_closes_without_a_code(void **state)
{
    struct fake *f = *state;
    char bytes[40];
    size_t count = masked(bytes, 0x88, "", 0);

    count += masked(bytes + count, 0x81, "late", 4);
    come(f, bytes, count);
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
    assert_false(f->is_finished);
    frame(f, 0x88, "\x03\xe8");
    expect_out(f, "", 0);
    expect_said(f, "closed1000");
    assert_true(f->is_finished);
}

static void the_peer_does_not_answer_our_close(void **state)
{
    struct fake *f = *state;

    websocket_close(f->w, WEBSOCKET_NORMAL, NULL);
    run(f, 4500);
    expect_said(f, "");
    run(f, 1000);
    expect_said(f, "closed1006");
    assert_true(f->is_aborted);
}

static void broken_rules_close(void **state)
{
    struct fake *f = *state;

    frame(f, 0x82, "binary");
    expect_out(f, "\x88\x02\x03\xeb", 4);
    expect_said(f, "closed1003");
    assert_true(f->is_finished);
}

static void broken_rules_after_our_close(void **state)
{
    struct fake *f = *state;

    websocket_close(f->w, WEBSOCKET_NORMAL, "");
    expect_out(f, "\x88\x02\x03\xe8", 4);
    frame(f, 0x81, "\xff");
    expect_out(f, "", 0);
    expect_said(f, "closed1007");
    assert_true(f->is_finished);
}

static void the_connection_is_lost(void **state)
{
    struct fake *f = *state;

    frame(f, 0x01, "half a mess");
    f->has_left = true;
    f->gone(&f->x, f->gone_ctx);
    expect_said(f, "closed1006");
}

static void the_peer_ends_without_a_word(void **state)
{
    struct fake *f = *state;

    f->input(&f->x, (struct text){ NULL, 0 }, f->input_ctx);
    expect_out(f, "", 0);
    expect_said(f, "closed1006");
    assert_true(f->is_finished && !f->gone);
}

static void a_pause_keeps_what_comes(void **state)
{
    struct fake *f = *state;
    char bytes[100];
    size_t count = masked(bytes, 0x81, "one", 3);

    count += masked(bytes + count, 0x81, "two", 3);
    count += masked(bytes + count, 0x81, "three", 5);
    f->pauses_at_messages = true;
    come(f, bytes, count - 2);
    expect_said(f, "T(one)");
    assert_true(f->is_paused);
    come(f, bytes + count - 2, 2);
    frame(f, 0x89, "!");
    run(f, 50);
    expect_said(f, "");
    f->inside = true;
    websocket_pause(f->w, false);
    f->inside = false;
    run(f, 50);
    expect_said(f, "T(two)");
    assert_true(f->is_paused);
    f->pauses_at_messages = false;
    websocket_pause(f->w, false);
    frame(f, 0x81, "four"); /* comes before the rest was told */
    expect_said(f, "");
    run(f, 50);
    expect_said(f, "T(three)T(four)");
    expect_out(f, "\x8a\x01!", 3);
    assert_false(f->is_paused);
    frame(f, 0x81, "five");
    expect_said(f, "T(five)");
}

static void what_a_pause_keeps_is_bounded(void **state)
{
    struct fake *f = *state;
    char *much = calloc(1, 10000);

    assert_non_null(much);
    websocket_pause(f->w, true);
    for (int i = 0; i < 19; i++)
        come(f, much, 10000);
    expect_said(f, "");
    come(f, much, 10000);
    expect_said(f, "closed1009");
    assert_true(f->is_aborted);
    free(much);
}

static void the_end_waits_for_the_pause(void **state)
{
    struct fake *f = *state;

    websocket_pause(f->w, true);
    frame(f, 0x81, "last");
    f->input(&f->x, (struct text){ NULL, 0 }, f->input_ctx);
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
    come(f, bytes, count);
    expect_said(f, "T(one)");
    expect_out(f, "\x89\0\x88\x09\x03\xf0revoked", 13);
    run(f, 50);
    frame(f, 0x88, "\x03\xf0");
    expect_said(f, "closed1008");
}

static void room_is_passed_on(void **state)
{
    struct fake *f = *state;

    f->room(&f->x, f->room_ctx);
    expect_said(f, "room");
    websocket_close(f->w, WEBSOCKET_NORMAL, "");
    f->room(&f->x, f->room_ctx);
    expect_said(f, "");
}

static void when_it_was_heard_of(void **state)
{
    struct fake *f = *state;
    uint64_t before = websocket_heard_ms(f->w);

    run(f, 30);
    assert_int_equal(websocket_heard_ms(f->w), before);
    come(f, "\x81", 1);
    assert_true(websocket_heard_ms(f->w) >= before + 30);
}

static void dropping_says_nothing(void **state)
{
    struct fake *f = *state;

    frame(f, 0x01, "half");
    websocket_close(f->w, WEBSOCKET_NORMAL, "");
    websocket_drop(&f->w);
    assert_null(f->w);
    assert_true(f->is_aborted && !f->gone);
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
