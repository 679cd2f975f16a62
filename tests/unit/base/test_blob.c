/* unit/base/test_blob.c - shared bytes live as long as their last owner */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "base/blob.h"
#include <cmocka.h>

static void lives_till_the_last_owner(void **state)
{
    struct blob *a = blob_copy(TEXT("hello")), *b = blob_ref(a);

    (void)state;
    assert_ptr_equal(a, b);
    assert_int_equal(a->refs, 2);
    blob_free(&a);
    assert_null(a);
    assert_int_equal(b->refs, 1);
    assert_true(text_equal(blob_text(b), TEXT("hello")));
    assert_int_equal(b->at[5], 0);
    blob_free(&b);
    assert_null(b);
    blob_free(&b);
}

static void empty_is_fine(void **state)
{
    struct blob *b = blob_copy((struct text){ NULL, 0 }), *n = blob_new(3);

    (void)state;
    assert_int_equal(blob_text(b).bytes, 0);
    assert_string_equal(b->at, "");
    assert_int_equal(n->bytes, 3);
    assert_int_equal(n->at[3], 0);
    blob_free(&b);
    blob_free(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lives_till_the_last_owner),
        cmocka_unit_test(empty_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
