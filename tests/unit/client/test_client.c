/* unit/client/test_client.c - what an answer says to who asked */
#include "lib/client.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* In the body it is exact and another one for everybody; the header holds it rounded up to seconds. */
static void when_to_come_back(void **state)
{
    static const struct {
        const char *body;
        uint64_t header_ms;
        uint32_t wanted_ms;
    } all[] = {
        { "{\"code\":\"busy\",\"retry_ms\":412}", 1000, 412 },
        { "{\"code\":\"busy\",\"retry_ms\":1300}", 1000, 1300 },
        { "{\"code\":\"busy\",\"retry_ms\":700}", 0, 700 },
        { "{\"code\":\"busy\",\"retry_ms\":0}", 3000, 3000 },
        { "{\"code\":\"busy\"}", 3000, 3000 },
        { "<html>", 3000, 3000 },
        { "", 2000, 2000 },
        { "{\"code\":\"busy\"}", 0, 0 },
        { "{\"code\":\"busy\",\"retry_ms\":9999999999}", 1000, 600000 },
    };
    (void)state;
    for (size_t n = 0; n < sizeof all / sizeof all[0]; n++) {
        struct posthorn_problem why;
        struct exchange *x = exchange_new("GET", "/v1/events", NULL, NULL);
        x->end = EXCHANGE_ANSWERED;
        x->response.status = 503;
        x->response.retry_after_ms = all[n].header_ms;
        buf_text(&x->response.body, all[n].body);
        assert_int_equal(client_verdict(NULL, x, &why), POSTHORN_SERVER_FAILED);
        assert_int_equal(why.retry_ms, all[n].wanted_ms);
        assert_int_equal(why.http_status, 503);
        exchange_free(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_to_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
