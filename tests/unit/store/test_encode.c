/* unit/store/test_encode.c - what is encoded here is what Postgres reads, and what it writes is what is read here */
#include "rig.h"

#include "store/encode.h"
#include "store/row.h"

static struct rig rig;

static int open_rig(void **state)
{
    (void)state;
    rig_open(&rig, RIG_PG_DIR, "test_encode", "");
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

static PGresult *run(const char *sql, struct encode *e)
{
    const char *values[ENCODE_PARAMS_MAX];
    int lengths[ENCODE_PARAMS_MAX], formats[ENCODE_PARAMS_MAX];

    for (uint32_t n = 0; n < e->count; n++) {
        values[n] = e->at + e->begin[n];
        lengths[n] = (int)(e->end[n] - e->begin[n]);
        formats[n] = 1;
    }
    PGresult *r = PQexecParams(rig.conn, sql, (int)e->count, NULL, values, lengths, formats, 1);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        fail_msg("%s", PQerrorMessage(rig.conn));
    encode_fini(e);
    return r;
}

static void numbers_and_texts(void **state)
{
    (void)state;
    struct encode e = { 0 };

    encode_text(&e, TEXT("")); /* empty is not NULL, also when it is the very first byte */
    encode_int8(&e, INT64_MAX);
    encode_text(&e, (struct text){ "a\0\xff", 3 });
    PGresult *r =
        run("SELECT $1::text, $2::int8, $3::bytea, -5::int2, 70000::int4, NULL::int8, NULL::text", &e);
    assert_false(PQgetisnull(r, 0, 0));
    assert_int_equal(row_text(r, 0, 0).bytes, 0);
    assert_int_equal(row_number(r, 0, 1), INT64_MAX);
    assert_true(text_equal(row_text(r, 0, 2), ((struct text){ "a\0\xff", 3 })));
    assert_int_equal(row_signed(r, 0, 3), -5);
    assert_int_equal(row_number(r, 0, 4), 70000);
    assert_int_equal(row_number(r, 0, 5), 0);
    assert_int_equal(row_text(r, 0, 6).bytes, 0);
    PQclear(r);
}

static void arrays(void **state)
{
    (void)state;
    struct encode e = { 0 };

    encode_array(&e, ENCODE_INT8, 3);
    encode_item_int8(&e, 1);
    encode_item_int8(&e, UINT64_MAX); /* 64 random bits are kept as they are */
    encode_item_int8(&e, 3);
    encode_array(&e, ENCODE_INT2, 3);
    encode_item_int2(&e, 7);
    encode_item_int2(&e, 8);
    encode_item_int2(&e, 9);
    encode_array(&e, ENCODE_INT4, 3);
    encode_item_int4(&e, 1u << 20);
    encode_item_int4(&e, 2);
    encode_item_int4(&e, 3);
    encode_array(&e, ENCODE_BYTEA, 3);
    encode_item_text(&e, TEXT("one"));
    encode_item_null(&e);
    encode_item_text(&e, TEXT(""));
    encode_array(&e, ENCODE_TEXT, 0);
    PGresult *r =
        run("SELECT a, b, c, d, cardinality($5::text[]) FROM unnest($1::int8[], $2::int2[], $3::int4[],"
            " $4::bytea[]) WITH ORDINALITY AS u (a, b, c, d, n) ORDER BY n",
            &e);
    assert_int_equal(PQntuples(r), 3);
    assert_int_equal(row_number(r, 0, 0), 1);
    assert_int_equal(row_number(r, 1, 0), UINT64_MAX);
    assert_int_equal(row_number(r, 1, 1), 8);
    assert_int_equal(row_number(r, 0, 2), 1u << 20);
    assert_true(text_equal(row_text(r, 0, 3), TEXT("one")));
    assert_true(PQgetisnull(r, 1, 3));
    assert_false(PQgetisnull(r, 2, 3));
    assert_int_equal(row_number(r, 0, 4), 0);
    PQclear(r);
}

static void the_memory_is_used_again(void **state)
{
    (void)state;
    struct encode e = { 0 };

    for (int n = 0; n < 1000; n++) {
        encode_reset(&e);
        encode_array(&e, ENCODE_INT8, 10);
        for (uint64_t k = 0; k < 10; k++)
            encode_item_int8(&e, k);
    }
    assert_int_equal(e.count, 1);
    assert_true(e.room < 4096);
    encode_fini(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_texts),
        cmocka_unit_test(arrays),
        cmocka_unit_test(the_memory_is_used_again),
    };
    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
