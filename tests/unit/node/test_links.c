/* unit/node/test_links.c - frames between two nodes: in order and once, whatever is cut, stopped, flooded or forged */
#include "base/secret.h"
#include "limits.h"
#include "net/dial.h"
#include "pair.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CUTS = 200 };

static void both_ways(bool with_tls)
{
    struct pair *p = pair_up(with_tls, false);

    for (int i = 0; i < 3000; i++) {
        assert_true(pair_say(p, 0, (size_t)i % 700));
        assert_true(pair_say(p, 1, (size_t)i % 300));
        if (i % 10 == 0)
            pair_turn(p);
    }
    PAIR_UNTIL(p, pair_all_heard(p));
    assert_true(
        pair_say(p, 0, FRAME_BYTES_MAX - 100)); /* larger than what is read, or in flight, at a time */
    assert_true(pair_say(p, 0, 1));
    PAIR_UNTIL(p, pair_all_heard(p));
    assert_int_equal(pair_stats(p, 0).frames_out, 3002);
    assert_int_equal(pair_stats(p, 1).frames_in, 3002);
    assert_int_equal(pair_stats(p, 0).bytes_out, pair_stats(p, 1).bytes_in);
    assert_int_equal(pair_stats(p, 0).repeated + pair_stats(p, 0).dropped, 0);
    assert_int_equal(pair_stats(p, 0).up, 1);
    assert_int_equal(pair_stats(p, 0).peers, 1);
    assert_int_equal(p->side[0].downs + p->side[1].downs, 0);
    pair_free(&p);
}

static void test_local(void **state)
{
    (void)state;
    both_ways(false);
}

static void test_tls(void **state)
{
    (void)state;
    both_ways(true);
}

/* Answers from inside the calls, and what was said before the streams were there. */
static void test_inside(void **state)
{
    struct pair *p = pair_new(false, false);

    (void)state;
    assert_false(pair_say(p, 0, 1)); /* no peer yet */
    assert_int_equal(pair_stats(p, 0).dropped, 1);
    pair_meet(p);
    assert_false(links_is_up(p->side[0].links, 4));
    for (int i = 0; i < 50; i++)
        assert_true(pair_say(p, 0, 100));
    p->side[1].answers = true;
    PAIR_UNTIL(p, p->side[0].heard == 50 && pair_all_heard(p));
    pair_free(&p);
}

/* Idle streams stay up by their pings alone. */
static void test_idle(void **state)
{
    struct pair *p = pair_up(false, true);
    size_t before, bytes;

    (void)state;
    pair_run(p, 100);
    before = p->joint[0].passed;
    pair_run(p, 4000);
    assert_int_equal(p->side[0].downs + p->side[1].downs, 0);
    bytes = p->joint[0].passed - before;
    assert_in_range(bytes, 7 * 2 * 17,
                    11 * 2 * 17); /* a DATA frame with a PING, both ways, every half second */
    pair_free(&p);
}

static void cut(bool with_tls)
{
    struct pair *p = pair_up(with_tls, true);
    unsigned cuts = 0;

    for (unsigned turns = 0; cuts < CUTS && turns < 400 * CUTS; turns++) {
        p->cut_after = p->cuts == cuts && p->cut_after ? p->cut_after : 1 + secret_random_u64() % 6000;
        cuts = p->cuts;
        for (int k = 0; k < PAIR_SIDES; k++) {
            for (uint64_t n = secret_random_u64() % 4; n; n--)
                assert_true(pair_say(p, k, secret_random_u64() % 400));
        }
        pair_run(p, 1);
    }
    assert_true(cuts >= CUTS);
    p->cut_after = 0;
    PAIR_UNTIL(p, pair_all_heard(p));
    for (int k = 0; k < PAIR_SIDES; k++) {
        assert_int_equal(p->side[k].losts, 0);
        assert_int_equal(p->side[k].frames, p->side[!k].said);
        assert_int_equal(pair_stats(p, k).dropped, 0);
    }
    assert_true(p->side[0].downs + p->side[1].downs > CUTS / 4); /* others were cut before they were up */
    assert_true(pair_stats(p, 0).repeated + pair_stats(p, 1).repeated > 0);
    pair_free(&p);
}

static void test_cut(void **state)
{
    (void)state;
    cut(false);
}

static void test_cut_tls(void **state)
{
    (void)state;
    cut(true);
}

static void test_overflow(void **state)
{
    struct pair *p = pair_new(false, true);
    uint64_t kept = 0;

    (void)state;
    p->is_frozen = true;
    pair_meet(p);
    while (pair_say(p, 0, 4096))
        kept++;
    assert_in_range(kept * 4096, LIMIT_LINK_UNACKNOWLEDGED_BYTES * 9ull / 10,
                    LIMIT_LINK_UNACKNOWLEDGED_BYTES);
    for (int i = 0; i < 10; i++)
        assert_false(pair_say(p, 0, 4096));
    assert_int_equal(pair_stats(p, 0).dropped, 11);
    p->is_frozen = false;
    PAIR_UNTIL(p, pair_all_heard(p));
    assert_int_equal(p->side[1].heard, kept);
    assert_true(pair_say(p, 0, 4096));
    PAIR_UNTIL(p, pair_all_heard(p));
    assert_int_equal(p->side[0].losts, 0);
    pair_free(&p);
}

/* A peer that reads nothing while we say more and more: what waits is bounded, and nothing is lost of what was kept. */
static void test_slow_reader(void **state)
{
    struct pair *p = pair_up(false, true);
    unsigned refused = 0;

    (void)state;
    p->is_frozen = true;
    for (int i = 0; i < 800; i++) {
        for (int k = 0; k < 3; k++)
            refused += !pair_say(p, 0, 4096);
        pair_turn(p);
    }
    assert_in_range(refused, 1000, 2400);
    assert_in_range(pair_stats(p, 0).dropped, refused, refused);
    p->is_frozen = false;
    PAIR_UNTIL(p, pair_all_heard(p));
    assert_int_equal(p->side[0].losts, 0);
    pair_free(&p);
}

static void test_silence(void **state)
{
    struct pair *p = pair_up(false, true);
    uint64_t since;

    (void)state;
    p->is_frozen = true;
    since = loop_now_ms(p->loop);
    assert_true(pair_say(p, 0, 10) && pair_say(p, 1, 10));
    PAIR_UNTIL(p, p->side[0].downs == 1 && p->side[1].downs == 1);
    assert_in_range(loop_now_ms(p->loop) - since, LIMIT_LINK_SILENT_MS - LIMIT_LINK_PING_MS - 200,
                    LIMIT_LINK_SILENT_MS + 300);
    p->is_frozen = false;
    PAIR_UNTIL(p, pair_all_heard(p) && p->side[0].ups == 2);
    assert_int_equal(p->side[0].losts, 0);
    pair_free(&p);
}

static void test_new_incarnation(void **state)
{
    struct pair *p = pair_up(false, false);

    (void)state;
    for (int i = 0; i < 5; i++)
        assert_true(pair_say(p, 0, 10) && pair_say(p, 1, 10));
    PAIR_UNTIL(p, pair_all_heard(p));
    pair_restart(p, 1, 201);
    PAIR_UNTIL(p, p->side[0].downs == 1);
    assert_int_equal(p->side[0].losts, 0);
    assert_true(pair_say(p, 0, 10));
    p->side[1].takes_any = true;
    pair_run(p, 300); /* refused: it is not the one that we think it is */
    assert_false(links_is_up(p->side[0].links, 4));
    assert_int_equal(p->side[1].frames, 5);
    p->side[0].said = p->side[0].heard = 0;
    pair_tell(p, 0);
    assert_int_equal(p->side[0].losts, 1);
    pair_tell(p, 1);
    p->side[1].takes_any = false;
    assert_true(pair_say(p, 0, 10) && pair_say(p, 1, 10));
    PAIR_UNTIL(p, pair_all_heard(p) && links_is_up(p->side[0].links, 4));
    assert_int_equal(p->side[1].frames, 6);
    pair_free(&p);
}

static void test_goes_and_comes(void **state)
{
    struct pair *p = pair_up(false, false);

    (void)state;
    assert_true(pair_say(p, 0, 10));
    PAIR_UNTIL(p, pair_all_heard(p));
    assert_true(pair_say(p, 0, 10)); /* never leaves */
    links_set(p->side[0].links, NULL, 0);
    assert_int_equal(p->side[0].losts, 1);
    assert_int_equal(pair_stats(p, 0).peers + pair_stats(p, 0).up, 0);
    assert_false(pair_say(p, 0, 10));
    PAIR_UNTIL(p, p->side[1].downs == 1); /* and does not take its streams */
    pair_run(p, 300);
    assert_false(links_is_up(p->side[1].links, 3));
    pair_tell(p, 0);
    assert_true(pair_say(p, 0, 10)); /* 3, as 2 was lost and told so */
    p->side[1].heard = 2;
    assert_true(pair_say(p, 1, 10));
    PAIR_UNTIL(p, pair_all_heard(p));
    assert_int_equal(p->side[1].frames, 2);
    pair_free(&p);
}

/* Somebody with a dial of its own in front of side 1. */
struct stranger {
    struct pair *p;
    struct dial *d;
    bool is_open, is_closed;
    enum frame_type got;
    char why[64];
    uint64_t number;
};

static void stranger_open(void *ctx)
{
    ((struct stranger *)ctx)->is_open = true;
}

static void stranger_input(void *ctx, struct text bytes)
{
    struct stranger *s = ctx;
    struct frame f;

    if (s->got)
        return;
    assert_int_equal(frame_decode((struct text){ bytes.at, frame_bytes(bytes.at) }, &f), ERR_OK);
    s->got = f.type;
    s->number = f.number;
    snprintf(s->why, sizeof(s->why), "%.*s", (int)f.text.bytes, f.text.bytes ? f.text.at : "");
}

static void stranger_closed(void *ctx, const char *why)
{
    struct stranger *s = ctx;

    (void)why;
    s->is_closed = true;
}

static const struct dial_calls stranger_calls = { stranger_open, stranger_input, stranger_closed };

static void stranger_dial(struct stranger *s, struct pair *p)
{
    *s = (struct stranger){ .p = p };
    s->d = dial_new(p->loop, p->side[1].peer.address, NULL, &stranger_calls, s);
    PAIR_UNTIL(p, s->is_open);
}

static void stranger_write(struct stranger *s, struct blob *b)
{
    dial_write(s->d, b);
    dial_flush(s->d);
    blob_free(&b);
}

/* Side 1 is told of a node 9, which nobody answers for. */
static struct pair *pair_and_nine(void)
{
    struct pair *p = pair_up(false, false);
    struct links_peer peers[2] = { { .node = 3, .incarnation = 100 }, { 9, 7, "unix:/nowhere", "" } };

    memcpy(peers[0].address, p->side[0].peer.address, sizeof(peers[0].address));
    memcpy(peers[0].host, p->side[0].peer.host, sizeof(peers[0].host));
    links_set(p->side[1].links, peers, 2);
    return p;
}

static const char *refused(struct pair *p, struct frame hello)
{
    static char why[64]; /* of this test only */
    struct stranger s;

    hello.type = FRAME_HELLO;
    stranger_dial(&s, p);
    stranger_write(&s, frame_encode(&hello));
    PAIR_UNTIL(p, s.got);
    PAIR_UNTIL(p, s.got == FRAME_WELCOME || s.is_closed);
    snprintf(why, sizeof(why), "%s", s.got == FRAME_REFUSED ? s.why : "");
    dial_free(&s.d);
    return why;
}

static void test_hellos(void **state)
{
    struct pair *p = pair_and_nine();
    struct frame h = { .node = 9,
                       .incarnation = 7,
                       .to = 101,
                       .version_least = 1,
                       .version = 1,
                       .number = 1 },
                 bad;

    (void)state;
    assert_string_equal(refused(p, h), "");
    bad = h, bad.to = 100;
    assert_string_equal(refused(p, bad), "other_incarnation_here");
    bad = h, bad.version_least = bad.version = FRAME_VERSION + 1;
    assert_string_equal(refused(p, bad), "version");
    bad = h, bad.version_least = bad.version = 0;
    assert_string_equal(refused(p, bad), "version");
    bad = h, bad.version = FRAME_VERSION + 5;
    assert_string_equal(refused(p, bad), "");
    bad = h, bad.node = 4;
    assert_string_equal(refused(p, bad), "own_node");
    bad = h, bad.incarnation = 6;
    assert_string_equal(refused(p, bad), "old_incarnation");
    bad = h, bad.node = 3, bad.incarnation = 99;
    assert_string_equal(refused(p, bad), "old_incarnation");
    assert_int_equal(p->side[1].strangers, 0);
    bad = h, bad.incarnation = 8;
    assert_string_equal(refused(p, bad), "not_known_yet");
    bad = h, bad.node = 10;
    assert_string_equal(refused(p, bad), "not_known_yet");
    assert_int_equal(p->side[1].strangers, 2);
    bad = h, bad.incarnation = 0;
    assert_string_equal(refused(p, bad), "hello");
    assert_int_equal(p->side[1].downs, 0);
    pair_free(&p);
}

static void assert_thrown_out(struct pair *p, struct frame *hello, const char *bytes, size_t count)
{
    struct stranger s;

    stranger_dial(&s, p);
    if (hello)
        stranger_write(&s, frame_encode(hello));
    stranger_write(&s, blob_copy((struct text){ bytes, count }));
    PAIR_UNTIL(p, s.is_closed);
    dial_free(&s.d);
}

static void test_nonsense(void **state)
{
    struct pair *p = pair_and_nine();
    struct frame h = { .type = FRAME_HELLO,
                       .node = 9,
                       .incarnation = 7,
                       .to = 101,
                       .version_least = 1,
                       .version = 1,
                       .number = 1 };
    uint64_t before = p->side[1].frames;
    struct stranger s;

    (void)state;
    assert_thrown_out(p, NULL, "GET / HTTP/1.1\r\n\r\n", 18);
    assert_thrown_out(p, NULL, "\0\0\0\x0c\0\x03\0\0\0\0\0\0\0\0\0\1", 16); /* an ACK, and no HELLO */
    assert_thrown_out(p, NULL, "\0\0\0\5\0\1\0\0?", 9); /* a HELLO of one byte */
    assert_thrown_out(p, &h, "\0\4\0\0\0\x10\0\0", 8); /* too large */
    assert_thrown_out(p, &h, "\0\0\0\4\0\x10\0\1", 8);
    stranger_dial(&s, p); /* says nothing */
    PAIR_UNTIL(p, s.is_closed);
    dial_free(&s.d);
    stranger_dial(&s, p);
    stranger_write(&s, frame_encode(&h));
    stranger_write(&s, blob_copy((struct text){ "\0\0\0\4\0\x10\0\0",
                                                8 })); /* a NOTICE without fields: taken, not told */
    stranger_write(
        &s, blob_copy((struct text){ "\0\0\0\4\x70\0\0\0", 8 })); /* a type of another version: the same */
    pair_run(p, 50);
    assert_int_equal(pair_stats(p, 1).frames_in, 2);
    dial_free(&s.d);
    pair_run(p, 20);
    stranger_dial(&s, p);
    stranger_write(&s, frame_encode(&h));
    PAIR_UNTIL(p, s.got == FRAME_WELCOME);
    assert_int_equal(s.number, 3);
    dial_free(&s.d);
    assert_int_equal(p->side[1].frames, before);
    assert_true(links_is_up(p->side[1].links, 3) && links_is_up(p->side[0].links, 4));
    pair_free(&p);
}

static void test_strangers_are_bounded(void **state)
{
    struct pair *p = pair_new(false, false);
    struct stranger s[LIMIT_LINK_STRANGERS + 1] = { 0 };
    unsigned closed = 0;

    (void)state;
    for (unsigned k = 0; k <= LIMIT_LINK_STRANGERS; k++) {
        s[k].d = dial_new(p->loop, p->side[1].peer.address, NULL, &stranger_calls, &s[k]);
        if (k % 16 == 0)
            pair_run(p, 5);
    }
    pair_run(p, 200);
    for (unsigned k = 0; k <= LIMIT_LINK_STRANGERS; k++)
        closed += s[k].is_closed;
    assert_int_equal(closed, 1);
    for (unsigned k = 0; k <= LIMIT_LINK_STRANGERS; k++)
        dial_free(&s[k].d);
    pair_free(&p);
}

/* However much a peer says at once: a turn takes a bounded part of it. */
static void test_flood(void **state)
{
    struct pair *p = pair_up(false, false);
    uint64_t most = 0;

    (void)state;
    for (int i = 0; i < 20000; i++)
        assert_true(pair_say(p, 0, 100));
    for (int i = 0; i < 10000 && !pair_all_heard(p); i++) {
        pair_turn(p);
        most = p->side[1].frames_turn > most ? p->side[1].frames_turn : most;
    }
    assert_true(pair_all_heard(p));
    assert_in_range(most * 140, 1, 2 * 64 * 1024);
    pair_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_inside),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_cut_tls),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_new_incarnation),
        cmocka_unit_test(test_goes_and_comes),
        cmocka_unit_test(test_hellos),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_strangers_are_bounded),
        cmocka_unit_test(test_flood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
