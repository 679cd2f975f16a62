/* unit/node/test_frame.c - every type of frame there and back, with any fields, cut anywhere, and with nonsense */
#include "base/secret.h"
#include "node/frame.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROUNDS = 200, TEXT_BYTES = 300, PLACES = 20 };

static const enum frame_type types[] = {
    FRAME_HELLO,    FRAME_WELCOME,    FRAME_ACK,     FRAME_PING,  FRAME_REFUSED, FRAME_NOTICE, FRAME_DELIVER,
    FRAME_REGISTER, FRAME_REGISTERED, FRAME_LEAVE,   FRAME_CHECK, FRAME_HEADS,   FRAME_DOUBT,  FRAME_SIGNAL,
    FRAME_PASS,     FRAME_REVOKE,     FRAME_CHANGED, FRAME_SEND,  FRAME_SENT,    FRAME_EPOCH,
};
enum { TYPES = sizeof(types) / sizeof(*types) };

struct any {
    struct frame f;
    char texts[4][TEXT_BYTES];
    struct frame_place places[PLACES];
};

/* Not in a row of rand(), which repeats: each byte counts. */
static uint64_t any_number(void)
{
    return secret_random_u64() >> (secret_random_u64() % 64);
}

static struct text any_text(char *at)
{
    size_t bytes = any_number() % TEXT_BYTES;

    secret_random(at, bytes);
    return (struct text){ at, bytes };
}

static void fill(struct any *a, enum frame_type type)
{
    struct frame *f = &a->f;
    uint32_t places = (uint32_t)(secret_random_u64() % (PLACES + 1));

    *f = (struct frame){ .type = type, .place = a->places, .places = places };
    f->node = (uint32_t)(secret_random_u64() % 1024);
    f->version_least = (uint32_t)any_number();
    f->version = (uint32_t)any_number();
    f->hops = (uint32_t)any_number();
    f->wait_ms = (uint32_t)any_number();
    f->incarnation = any_number();
    f->to = any_number();
    f->number = any_number();
    f->request = any_number();
    f->epoch = any_number();
    f->timeline = any_number();
    f->reply_to = any_number();
    f->user.n = any_number();
    f->device.n = any_number();
    f->conversation.n = any_number();
    f->key = (struct key){ any_number(), any_number() };
    f->id.n = any_number();
    f->seq.n = any_number();
    f->err = (enum err)(secret_random_u64() % ERR_COUNT);
    f->is_duplicate = secret_random_u64() & 1;
    f->encoded = any_text(a->texts[0]);
    f->kind = any_text(a->texts[1]);
    f->text = any_text(a->texts[2]);
    f->ciphertext = any_text(a->texts[3]);
    for (uint32_t k = 0; k < PLACES; k++)
        a->places[k] = (struct frame_place){ { any_number() }, { any_number() } };
}

static bool has(enum frame_type type, const enum frame_type *of, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        if (of[k] == type)
            return true;
    }
    return false;
}
#define HAS(type, ...)                                                                                       \
    has((type), (const enum frame_type[]){ __VA_ARGS__ },                                                    \
        sizeof((const enum frame_type[]){ __VA_ARGS__ }) / sizeof(enum frame_type))

/* What a type has is as sent, what it has not is 0: the header's list, written a second time. */
#define NUMBER(field, ...) assert_true(got->field == (HAS(f->type, __VA_ARGS__) ? f->field : 0))
#define WORDS(field, ...)                                                                                    \
    assert_true(text_equal(got->field, HAS(f->type, __VA_ARGS__) ? f->field : (struct text){ NULL, 0 }))
#define TO_MANY FRAME_NOTICE, FRAME_DELIVER
#define SIGNALS FRAME_SIGNAL, FRAME_PASS

static void compare_numbers(const struct frame *f, const struct frame *got)
{
    NUMBER(node, FRAME_HELLO, FRAME_WELCOME, TO_MANY, SIGNALS);
    NUMBER(version_least, FRAME_HELLO);
    NUMBER(version, FRAME_HELLO, FRAME_WELCOME);
    NUMBER(hops, TO_MANY, SIGNALS, FRAME_DOUBT, FRAME_SEND);
    NUMBER(wait_ms, FRAME_SEND);
    NUMBER(incarnation, FRAME_HELLO, FRAME_WELCOME);
    NUMBER(to, FRAME_HELLO);
    NUMBER(number, FRAME_HELLO, FRAME_WELCOME, FRAME_ACK);
    NUMBER(request, FRAME_REGISTER, FRAME_REGISTERED, FRAME_SEND, FRAME_SENT);
    NUMBER(epoch, FRAME_REGISTER, FRAME_EPOCH);
    NUMBER(timeline, TO_MANY, FRAME_REGISTERED, FRAME_CHECK, FRAME_HEADS);
    NUMBER(reply_to, FRAME_SEND);
    NUMBER(user.n, FRAME_REVOKE, FRAME_SEND);
    NUMBER(device.n, SIGNALS, FRAME_REVOKE);
    NUMBER(conversation.n, FRAME_CHANGED, FRAME_SEND);
    NUMBER(key.high, FRAME_SEND);
    NUMBER(key.low, FRAME_SEND);
    NUMBER(id.n, FRAME_SENT);
    NUMBER(seq.n, FRAME_SENT);
    NUMBER(err, FRAME_SENT);
    NUMBER(is_duplicate, FRAME_SENT);
    NUMBER(places, TO_MANY, SIGNALS, FRAME_REGISTER, FRAME_REGISTERED, FRAME_LEAVE, FRAME_CHECK, FRAME_HEADS);
}

static void compare(const struct frame *f, const struct frame *got)
{
    assert_int_equal(f->type, got->type);
    compare_numbers(f, got);
    WORDS(encoded, TO_MANY, SIGNALS);
    WORDS(kind, FRAME_SEND);
    WORDS(text, FRAME_SEND, FRAME_REFUSED);
    WORDS(ciphertext, FRAME_SEND);
    for (uint32_t k = 0; k < got->places; k++) {
        struct frame_place p = frame_place_at(got, k);

        assert_true(p.user.n == f->place[k].user.n && p.i.n == f->place[k].i.n);
    }
}

/* Cut or longer, with a length that says so, and exactly as large as it says: the sanitizer sees a step too far. */
static enum err decode_as(const struct blob *b, size_t bytes, struct frame *into, char **copy)
{
    uint32_t follows = (uint32_t)bytes - 4;

    *copy = calloc(1, bytes);
    memcpy(*copy, b->at, bytes < b->bytes ? bytes : b->bytes);
    for (int k = 0; k < 4 && bytes >= 4; k++)
        (*copy)[k] = (char)(follows >> (24 - 8 * k));
    return frame_decode((struct text){ *copy, bytes }, into);
}

static void test_there_and_back(void **state)
{
    struct any a;
    struct frame got;
    char *copy;

    (void)state;
    for (int i = 0; i < ROUNDS * TYPES; i++) {
        struct blob *b;

        fill(&a, types[i % TYPES]);
        b = frame_encode(&a.f);
        assert_int_equal(frame_bytes(b->at), b->bytes);
        assert_int_equal(frame_decode(blob_text(b), &got), ERR_OK);
        compare(&a.f, &got);
        assert_int_equal(decode_as(b, b->bytes + 7, &got, &copy), ERR_OK); /* of a newer version */
        compare(&a.f, &got);
        free(copy);
        blob_free(&b);
    }
}

/* What was read is written again as it was: a notice that is handed on. */
static void test_handed_on(void **state)
{
    struct any a;
    struct frame got;

    (void)state;
    for (int i = 0; i < TYPES; i++) {
        struct blob *b, *again;

        fill(&a, types[i]);
        b = frame_encode(&a.f);
        assert_int_equal(frame_decode(blob_text(b), &got), ERR_OK);
        again = frame_encode(&got);
        assert_true(text_equal(blob_text(b), blob_text(again)));
        blob_free(&b);
        blob_free(&again);
    }
}

static void test_cut_anywhere(void **state)
{
    struct any a;
    struct frame got;
    char *copy;

    (void)state;
    for (int i = 0; i < TYPES; i++) {
        struct blob *b;

        fill(&a, types[i]);
        b = frame_encode(&a.f);
        for (size_t bytes = 0; bytes < b->bytes; bytes++) {
            assert_int_equal(decode_as(b, bytes, &got, &copy), ERR_BAD_REQUEST);
            free(copy);
            assert_int_equal(frame_decode((struct text){ b->at, bytes }, &got), ERR_BAD_REQUEST);
        }
        blob_free(&b);
    }
}

static void test_heads(void **state)
{
    struct frame got;

    (void)state;
    assert_int_equal(frame_bytes("\0\0\0\4\0\4\0\0"), 8);
    assert_int_equal(frame_bytes("\0\3\xff\xfc\0\4\0\0"), FRAME_BYTES_MAX);
    assert_int_equal(frame_bytes("\0\3\xff\xfd\0\4\0\0"), 0);
    assert_int_equal(frame_bytes("\xff\xff\xff\xff\0\4\0\0"), 0);
    assert_int_equal(frame_bytes("\0\0\0\3\0\4\0\0"), 0);
    assert_int_equal(frame_bytes("\0\0\0\0\0\0\0\0"), 0);
    assert_int_equal(frame_bytes("\0\0\0\4\0\0\0\0"), 0);
    assert_int_equal(frame_bytes("\0\0\0\4\0\4\0\1"), 0);
    assert_int_equal(frame_bytes("GET / HT"), 0);
    assert_int_equal(frame_decode((struct text){ "\0\0\0\5\xff\0\0\0?", 9 }, &got), ERR_OK);
    assert_int_equal(got.type, 0xff00);
}

/* A byte of a frame set to something else. */
static enum err decode_with(const struct frame *f, size_t at, const void *instead, size_t bytes,
                            struct frame *got)
{
    struct blob *b = frame_encode(f);
    enum err err;

    memcpy(b->at + at, instead, bytes);
    err = frame_decode(blob_text(b), got);
    blob_free(&b);
    return err;
}

static void test_ranges(void **state)
{
    struct frame_place one = { { 1 }, { 2 } };
    struct frame got, sent = { .type = FRAME_SENT, .err = ERR_BUSY }, leave = { .type = FRAME_LEAVE };
    struct frame notice = { .type = FRAME_NOTICE, .node = 1023, .place = &one, .places = 1 };
    size_t last = 8 + 8 + 4 + strlen(err_code(ERR_BUSY)) + 8 + 8;

    (void)state;
    assert_int_equal(decode_with(&sent, last, "\2", 1, &got), ERR_BAD_REQUEST); /* is_duplicate */
    assert_int_equal(decode_with(&sent, 8 + 8 + 4, "Busy", 4, &got), ERR_OK);
    assert_int_equal(got.err, ERR_INTERNAL);
    assert_int_equal(decode_with(&notice, 8, "\0\0\3\xff", 4, &got), ERR_OK);
    assert_int_equal(decode_with(&notice, 8, "\0\0\4\0", 4, &got), ERR_BAD_REQUEST); /* node 1024 */
    assert_int_equal(decode_with(&notice, 8 + 16, "\xff\xff\xff\xff", 4, &got),
                     ERR_BAD_REQUEST); /* encoded */
    assert_int_equal(decode_with(&leave, 8, "\0\0\x10\1", 4, &got), ERR_BAD_REQUEST); /* places */
    assert_int_equal(decode_with(&leave, 8, "\xff\xff\xff\xff", 4, &got), ERR_BAD_REQUEST);
}

static void test_largest(void **state)
{
    struct frame_place *places = calloc(FRAME_PLACES_MAX, sizeof(*places));
    struct frame f = { .type = FRAME_CHECK, .place = places, .places = FRAME_PLACES_MAX }, got;
    struct blob *b = frame_encode(&f);
    char *copy;

    (void)state;
    places[FRAME_PLACES_MAX - 1].i.n = 7;
    assert_true(b->bytes <= FRAME_BYTES_MAX);
    blob_free(&b);
    b = frame_encode(&f);
    assert_int_equal(frame_decode(blob_text(b), &got), ERR_OK);
    assert_int_equal(frame_place_at(&got, FRAME_PLACES_MAX - 1).i.n, 7);
    assert_int_equal(decode_as(b, b->bytes + 16, &got, &copy), ERR_OK);
    copy[8 + 8 + 3] = 1; /* one place more, which is there */
    assert_int_equal(frame_decode((struct text){ copy, b->bytes + 16 }, &got), ERR_BAD_REQUEST);
    free(copy);
    blob_free(&b);
    free(places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_handed_on),
        cmocka_unit_test(test_cut_anywhere),   cmocka_unit_test(test_heads),
        cmocka_unit_test(test_ranges),         cmocka_unit_test(test_largest),
    };

    secret_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
