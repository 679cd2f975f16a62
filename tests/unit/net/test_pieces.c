/* unit/net/test_pieces.c - a queue of shared blobs, with and without chunks, taken in any portions */
#include "net/pieces.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const char wire[] = "3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n";
enum { WIRE_BYTES = sizeof(wire) - 1 };

static struct pool pool; /* that keeps nothing */

static void fill(struct pieces *p)
{
    size_t bytes = 0;

    pieces_init(p);
    bytes += pieces_add(p, &pool, blob_copy(TEXT("abc")), true);
    bytes += pieces_add(p, &pool, blob_copy(TEXT("")), true); /* would end the body */
    bytes += pieces_add(p, &pool, blob_copy(TEXT("0123456789")), true);
    bytes += pieces_add_last_chunk(p, &pool);
    assert_int_equal(bytes, WIRE_BYTES);
}

static void test_portions(void **state)
{
    (void)state;
    for (size_t step = 1; step <= WIRE_BYTES; step++) {
        struct pieces p;
        char got[64] = "";
        size_t have = 0, bytes;

        fill(&p);
        while ((bytes = pieces_copy(&p, got + have, step)) > 0) {
            assert_true(bytes == step || have + bytes == WIRE_BYTES);
            pieces_drop(&p, &pool, bytes);
            have += bytes;
        }
        assert_string_equal(got, wire);
        assert_true(pieces_is_empty(&p));
    }
}

/* After any number of bytes the parts are exactly the rest. */
static void test_parts(void **state)
{
    (void)state;
    for (size_t skip = 0; skip < WIRE_BYTES; skip++) {
        struct pieces p;
        struct iovec parts[16];
        char got[64] = "";
        int count;

        fill(&p);
        pieces_drop(&p, &pool, skip);
        count = pieces_parts(&p, parts, 16, 1000);
        for (int i = 0; i < count; i++)
            strncat(got, parts[i].iov_base, parts[i].iov_len);
        assert_string_equal(got, wire + skip);
        pieces_clear(&p, &pool);
    }
}

static void test_bounds(void **state)
{
    struct pieces p;
    struct iovec parts[8];

    (void)state;
    pieces_init(&p);
    for (int i = 0; i < 8; i++)
        pieces_add(&p, &pool, blob_copy(TEXT("0123456789")), false);
    assert_int_equal(pieces_parts(&p, parts, 8, 25), 3); /* the third one passes 25 bytes */
    assert_true(pieces_parts(&p, parts, 4, 1000) <= 4);
    pieces_clear(&p, &pool);
    assert_true(pieces_is_empty(&p));
}

/* The blob is not copied, and is let go of when its last byte is. */
static void test_references(void **state)
{
    struct pieces p;
    struct iovec part[4];
    struct blob *shared = blob_copy(TEXT("abc"));

    (void)state;
    pieces_init(&p);
    pieces_add(&p, &pool, blob_ref(shared), true);
    pieces_add(&p, &pool, blob_ref(shared), false);
    assert_int_equal(shared->refs, 3);
    assert_int_equal(pieces_parts(&p, part, 3, 1), 3);
    assert_ptr_equal(part[1].iov_base, shared->at);
    pieces_drop(&p, &pool, 7);
    assert_int_equal(shared->refs, 3);
    pieces_drop(&p, &pool, 1);
    assert_int_equal(shared->refs, 2);
    pieces_clear(&p, &pool);
    assert_int_equal(shared->refs, 1);
    blob_free(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_portions),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_references),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
