/* unit/chat/test_sessions.c - tokens, the cache of them, and their end */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "chat/authenticate.h"
#include "fake/chat.h"
#include "limits.h"
#include <cmocka.h>

#define USER ((struct user_id){ 0x0102030405060708ull })
#define DEVICE(number) ((struct device_id){ 1000 + (number) })

static void test_token_text(void **state)
{
    char token[SESSIONS_TOKEN_TEXT + 1], other[SESSIONS_TOKEN_TEXT + 1];
    uint8_t hash[SECRET_HASH_BYTES], again[SECRET_HASH_BYTES];
    struct session s;

    (void)state;
    sessions_token_make(USER, DEVICE(1), token, hash);
    sessions_token_make(USER, DEVICE(1), other, again);
    assert_string_not_equal(token, other);
    assert_int_equal(strlen(token), SESSIONS_TOKEN_TEXT);
    assert_int_equal(sessions_token_read(text_of(token), &s, again), ERR_OK);
    assert_int_equal(s.user.n, USER.n);
    assert_int_equal(s.device.n, DEVICE(1).n);
    assert_memory_equal(hash, again, sizeof hash);
    assert_int_equal(sessions_token_read(text_of(other), &s, again), ERR_OK);
    assert_memory_not_equal(hash, again, sizeof hash);
}

static void test_what_is_no_token(void **state)
{
    char token[SESSIONS_TOKEN_TEXT + 1];
    uint8_t hash[SECRET_HASH_BYTES];
    struct session s;

    (void)state;
    sessions_token_make(USER, DEVICE(1), token, hash);
    assert_int_equal(sessions_token_read((struct text){ 0 }, &s, hash), ERR_UNAUTHORIZED);
    assert_int_equal(sessions_token_read((struct text){ token, 63 }, &s, hash), ERR_UNAUTHORIZED);
    token[5] = '+';
    assert_int_equal(sessions_token_read(text_of(token), &s, hash), ERR_UNAUTHORIZED);
    sessions_token_make((struct user_id){ 0 }, DEVICE(1), token, hash);
    assert_int_equal(sessions_token_read(text_of(token), &s, hash), ERR_UNAUTHORIZED);
    sessions_token_make(USER, (struct device_id){ 1ull << 63 }, token, hash);
    assert_int_equal(sessions_token_read(text_of(token), &s, hash), ERR_UNAUTHORIZED);
}

static void test_cache(void **state)
{
    struct sessions *all = sessions_new(2);
    const struct session s = { USER, DEVICE(1), 5000 };
    uint8_t hash[SECRET_HASH_BYTES] = { 1 }, wrong[SECRET_HASH_BYTES] = { 2 };
    struct session out = { 0 };

    (void)state;
    assert_false(sessions_find(all, DEVICE(1), hash, 0, 0, &out));
    sessions_put(all, &s, hash, 100);
    assert_true(sessions_find(all, DEVICE(1), hash, 100 + SESSIONS_FRESH_MS, 4999, &out));
    assert_int_equal(out.user.n, USER.n);
    assert_false(sessions_find(all, DEVICE(1), hash, 101 + SESSIONS_FRESH_MS, 4999, &out));
    assert_false(sessions_find(all, DEVICE(1), hash, 100, 5000, &out));
    assert_false(sessions_find(all, DEVICE(1), wrong, 100, 0, &out));
    assert_false(sessions_find(all, DEVICE(2), hash, 100, 0, &out));
    sessions_put(all, &(struct session){ USER, DEVICE(2), 5000 }, hash, 100);
    sessions_put(all, &s, hash, 200); /* again: newer than 2 now */
    sessions_put(all, &(struct session){ USER, DEVICE(3), 5000 }, hash, 100);
    assert_false(sessions_find(all, DEVICE(2), hash, 100, 0, &out));
    assert_true(sessions_find(all, DEVICE(1), hash, 200, 0, &out));
    uint64_t era = sessions_era(all);
    sessions_forget(all, DEVICE(1));
    assert_false(sessions_find(all, DEVICE(1), hash, 200, 0, &out));
    assert_true(sessions_era(all) > era);
    sessions_free(&all);
}

static void begin(void *operation, struct op *op)
{
    struct authenticate *a = operation;

    a->op = (struct op){ 0 };
    authenticate_start(operation, op);
}

/* A device that stands in the store, with its token. */
static struct device device(struct fake_chat *f, char token[static SESSIONS_TOKEN_TEXT + 1], uint64_t expires)
{
    struct device d = { .user = fake_store_account(f->store, "ada"),
                        .id = { 77 },
                        .seen_unix_ms = loop_unix_ms(f->chat.loop),
                        .expires_unix_ms = expires };

    sessions_token_make(d.user, d.id, token, d.token_hash);
    f->store->device[f->store->devices_count++] = (struct fake_device){ .device = d };
    return d;
}

static void test_authenticate(void **state)
{
    struct fake_chat f;
    char token[SESSIONS_TOKEN_TEXT + 1], other[SESSIONS_TOKEN_TEXT + 1];
    uint8_t hash[SECRET_HASH_BYTES];

    (void)state;
    fake_chat_init(&f);
    struct device d = device(&f, token, loop_unix_ms(f.chat.loop) + 60000);
    struct authenticate a = { .chat = &f.chat, .token = text_of(token) };
    assert_int_equal(authenticate_at_once(&a), ERR_WAIT_OVER);
    assert_int_equal(fake_chat_ask(&f, begin, &a), ERR_OK);
    assert_int_equal(a.session.user.n, d.user.n);
    struct authenticate b = { .chat = &f.chat, .token = text_of(token) };
    assert_int_equal(authenticate_at_once(&b), ERR_OK);
    assert_int_equal(b.session.device.n, d.id.n);
    sessions_token_make(d.user, d.id, other, hash); /* the right ids, another secret */
    struct authenticate c = { .chat = &f.chat, .token = text_of(other) };
    assert_int_equal(authenticate_at_once(&c), ERR_WAIT_OVER);
    assert_int_equal(fake_chat_ask(&f, begin, &c), ERR_UNAUTHORIZED);
    assert_int_equal(authenticate_at_once(&b), ERR_OK); /* that did no harm */
    fake_store_fail(f.store, ERR_STORE_DOWN, 0, 1);
    assert_int_equal(authenticate_at_once(&c), ERR_WAIT_OVER);
    assert_int_equal(fake_chat_ask(&f, begin, &c), ERR_STORE_DOWN);
    fake_chat_fini(&f);
}

static void test_expired_and_gone(void **state)
{
    struct fake_chat f;
    char token[SESSIONS_TOKEN_TEXT + 1];

    (void)state;
    fake_chat_init(&f);
    device(&f, token, loop_unix_ms(f.chat.loop));
    struct authenticate a = { .chat = &f.chat, .token = text_of(token) };
    assert_int_equal(authenticate_at_once(&a), ERR_WAIT_OVER);
    assert_int_equal(fake_chat_ask(&f, begin, &a), ERR_UNAUTHORIZED);
    f.store->devices_count = 0;
    assert_int_equal(fake_chat_ask(&f, begin, &a), ERR_UNAUTHORIZED);
    fake_chat_fini(&f);
}

/* A device that was not heard of for LIMIT_TOKEN_IDLE_DAYS is as good as gone, whatever its token says. */
static void test_idle(void **state)
{
    const uint64_t idle_ms = LIMIT_TOKEN_IDLE_DAYS * 24ull * 60 * 60 * 1000;
    struct fake_chat f;
    char token[SESSIONS_TOKEN_TEXT + 1];

    (void)state;
    fake_chat_init(&f);
    device(&f, token, INT64_MAX);
    struct authenticate a = { .chat = &f.chat, .token = text_of(token) };
    struct device *d = &f.store->device[0].device;
    d->seen_unix_ms = loop_unix_ms(f.chat.loop) - idle_ms;
    assert_int_equal(authenticate_at_once(&a), ERR_WAIT_OVER);
    assert_int_equal(fake_chat_ask(&f, begin, &a), ERR_UNAUTHORIZED);
    d->seen_unix_ms += 60000;
    assert_int_equal(fake_chat_ask(&f, begin, &a), ERR_OK);
    fake_chat_fini(&f);
}

/* The row was read, then the session ended, then the reading was told. */
static void test_a_row_read_before_the_end(void **state)
{
    struct fake_chat f;
    struct fake_asker asker;
    char token[SESSIONS_TOKEN_TEXT + 1];

    (void)state;
    fake_chat_init(&f);
    struct device d = device(&f, token, loop_unix_ms(f.chat.loop) + 60000);
    struct authenticate a = { .chat = &f.chat, .token = text_of(token) };
    assert_int_equal(authenticate_at_once(&a), ERR_WAIT_OVER);
    f.store->is_holding = true;
    fake_chat_begin(&f, &asker, begin, &a);
    f.store->devices_count = 0;
    sessions_forget(f.chat.sessions, d.id);
    fake_store_release(f.store);
    fake_chat_run(&f);
    assert_true(asker.is_done);
    assert_int_equal(asker.err, ERR_UNAUTHORIZED);
    assert_int_equal(authenticate_at_once(&a), ERR_WAIT_OVER); /* and it is not in the cache */
    fake_chat_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_text),
        cmocka_unit_test(test_what_is_no_token),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_authenticate),
        cmocka_unit_test(test_expired_and_gone),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_a_row_read_before_the_end),
    };

    secret_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
