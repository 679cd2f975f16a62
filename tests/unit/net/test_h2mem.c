/* unit/net/test_h2mem.c - sessions share one frame buffer, and never get each other's bytes */
#include "net/h2mem.h"
#include "net/h2peer.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* The installed nghttp2 takes its frame buffer as we think; were it otherwise, connections cost 16 KiB more. */
static void test_is_shared(void **state)
{
    struct pool pool = { 0 };
    struct h2peer_settings *s = h2peer_settings_new(&pool);
    nghttp2_session *one, *two;

    (void)state;
    assert_true(h2mem_is_shared(s->mem));
    assert_int_equal(nghttp2_session_server_new3(&one, s->callbacks, NULL, s->options, h2mem_hooks(s->mem)),
                     0);
    assert_int_equal(nghttp2_session_server_new3(&two, s->callbacks, NULL, s->options, h2mem_hooks(s->mem)),
                     0);
    nghttp2_session_del(one);
    nghttp2_session_del(two);
    h2peer_settings_free(&s);
}

/* Only the frame buffer is shared: everything else is everybody's own, whatever its size. */
static void test_other_blocks(void **state)
{
    struct pool pool = { 0 };
    struct h2peer_settings *s = h2peer_settings_new(&pool);
    nghttp2_mem *mem = h2mem_hooks(s->mem);
    unsigned shared = 0;

    (void)state;
    for (size_t bytes = 16 * 1024; bytes <= 20 * 1024; bytes++) {
        void *a = mem->malloc(bytes, mem->mem_user_data), *b = mem->realloc(NULL, bytes, mem->mem_user_data);

        shared += a == b;
        if (a == b) {
            b = mem->realloc(b, 2 * bytes, mem->mem_user_data); /* one that grows leaves */
            assert_ptr_not_equal(a, b);
        }
        mem->free(a, mem->mem_user_data);
        mem->free(b, mem->mem_user_data);
    }
    assert_int_equal(shared, 1);
    h2peer_settings_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_shared),
        cmocka_unit_test(test_other_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
