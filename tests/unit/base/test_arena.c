/* unit/base/test_arena.c - memory that dies together */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "base/arena.h"
#include <cmocka.h>

static void aligned_zeroed_and_apart(void **state)
{
    struct arena a = { 0 };
    unsigned char *last = NULL;
    size_t last_bytes = 0;

    (void)state;
    for (size_t bytes = 0; bytes < 9000; bytes += 37) {
        unsigned char *p = arena_alloc(&a, bytes);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t k = 0; k < bytes; k++)
            assert_int_equal(p[k], 0);
        memset(p, 0xaa, bytes);
        if (last)
            for (size_t k = 0; k < last_bytes; k++)
                assert_int_equal(last[k], 0xaa);
        last = p;
        last_bytes = bytes;
    }
    assert_true(a.total_bytes >= a.chunk_bytes);
    arena_fini(&a);
    assert_null(a.first);
    assert_int_equal(a.total_bytes, 0);
    assert_non_null(arena_alloc(&a, 1));
    arena_fini(&a);
}

/* Small at first: many objects never need more. Then big enough not to be asked often. */
static void small_things_share_a_chunk(void **state)
{
    struct arena a = { 0 };

    (void)state;
    arena_alloc(&a, 1);
    size_t first = a.total_bytes;
    assert_true(first >= 480 && first <= 512);
    for (int k = 0; k < 29; k++)
        arena_alloc(&a, 16);
    assert_int_equal(a.total_bytes, first);
    arena_alloc(&a, 1);
    size_t total = a.total_bytes;
    assert_true(total - first >= 4000 && total - first <= 4096);
    for (int k = 0; k < 250; k++)
        arena_alloc(&a, 16);
    assert_int_equal(a.total_bytes, total);
    arena_alloc(&a, 100000);
    assert_true(a.total_bytes > total + 100000);
    arena_fini(&a);
}

/* Memory that was used before comes back zeroed, and copies do not rely on that. */
static void used_memory_comes_back_clean(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        struct arena a = { 0 };
        unsigned char *p = arena_alloc(&a, 400);
        for (int k = 0; k < 400; k++)
            assert_int_equal(p[k], 0);
        memset(p, 0xaa, 400);
        assert_string_equal(arena_copy(&a, TEXT("clean")).at, "clean");
        arena_fini(&a);
    }
}

static void copies_end_with_zero(void **state)
{
    struct arena a = { 0 };
    const char source[] = "posthorn";

    (void)state;
    struct text t = arena_copy(&a, (struct text){ source, 4 });
    assert_int_equal(t.bytes, 4);
    assert_string_equal(t.at, "post");
    t = arena_copy(&a, TEXT("sixteen bytes...")); /* as long as the alignment: the 0 needs room of its own */
    memset(arena_alloc(&a, 16), 0xaa, 16);
    assert_string_equal(t.at, "sixteen bytes...");
    t = arena_copy(&a, (struct text){ NULL, 0 });
    assert_int_equal(t.bytes, 0);
    assert_string_equal(t.at, "");
    assert_string_equal(arena_printf(&a, "%s-%d", "a", 42), "a-42");
    char *wide = arena_printf(&a, "%06000d", 7);
    assert_int_equal(strlen(wide), 6000);
    assert_int_equal(wide[5999], '7');
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligned_zeroed_and_apart),
        cmocka_unit_test(small_things_share_a_chunk),
        cmocka_unit_test(used_memory_comes_back_clean),
        cmocka_unit_test(copies_end_with_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
