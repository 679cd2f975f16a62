/* fuzz/fuzz_cursor.c - cursors, ids, keys and handles: what is taken has one spelling */
#include "model/cursor.h"
#include "model/handle.h"
#include "model/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_cursor(struct text t)
{
    char text[CURSOR_TEXT_MAX];
    struct cursor c;

    if (cursor_parse(t, &c)) {
        CHECK(c.timeline == 0 && c.i.n == 0 && !c.is_now);
        return;
    }
    cursor_print(&c, text);
    CHECK(text_equal(text_of(text), t));
}

static void check_id(struct text t)
{
    char text[ID_TEXT_MAX];
    uint64_t id;

    if (!id_parse(t, &id))
        return;
    CHECK(id > 0 && id <= INT64_MAX);
    id_print(id, text);
    CHECK(text_equal(text_of(text), t));
}

static void check_key(struct text t)
{
    char text[KEY_TEXT_BYTES + 1];
    struct key k, again;

    if (key_parse(t, &k))
        return;
    key_print(k, text);
    for (size_t n = 0; n < KEY_TEXT_BYTES; n++)
        CHECK(text[n] == t.at[n] || text[n] == t.at[n] - 'a' + 'A');
    CHECK(key_parse(text_of(text), &again) == ERR_OK && again.high == k.high && again.low == k.low);
    CHECK(key_check(k, key_unix_ms(k)) == ERR_OK);
}

static void check_handle(struct text t)
{
    char once[LIMIT_HANDLE_BYTES + 1], twice[LIMIT_HANDLE_BYTES + 1], password[LIMIT_PASSWORD_BYTES + 1];

    if (handle_canonical(t, once) == ERR_OK) {
        CHECK(once[0] && strlen(once) <= LIMIT_HANDLE_BYTES);
        CHECK(handle_canonical(text_of(once), twice) == ERR_OK && strcmp(once, twice) == 0);
    }
    if (handle_password(t, password) == ERR_OK)
        CHECK(strlen(password) >= LIMIT_PASSWORD_BYTES_MIN && strlen(password) <= LIMIT_PASSWORD_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct text t = { (const char *)data, bytes };

    check_cursor(t);
    check_id(t);
    check_key(t);
    check_handle(t);
    return 0;
}
