/* unit/node/test_host.c - a host speaks for its own nodes only, whatever a HELLO says */
#include "pair.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* A certificate of the cluster, but of another host: believed neither when it dials nor where it answers. */
static void test_other_host(void **state)
{
    struct pair *p = pair_new(true, false);

    (void)state;
    snprintf(p->side[0].peer.host, sizeof(p->side[0].peer.host), "right"); /* its certificate says: left */
    pair_meet(p);
    assert_true(pair_say(p, 0, 10) && pair_say(p, 1, 10));
    pair_run(p, 500);
    assert_int_equal(p->side[0].ups, 0); /* side 1 refuses its HELLO */
    assert_int_equal(p->side[1].ups, 0); /* and says none to it */
    assert_int_equal(p->side[0].frames + p->side[1].frames, 0);
    assert_int_equal(p->side[1].strangers, 0);
    snprintf(p->side[0].peer.host, sizeof(p->side[0].peer.host), "left");
    pair_tell(p, 1);
    PAIR_UNTIL(p, p->side[0].ups && p->side[1].ups && pair_all_heard(p));
    pair_free(&p);
}

/* Nor is a socket of this host believed to be a node that is reached over TLS. */
static void test_other_way(void **state)
{
    struct pair *p = pair_new(false, false);

    (void)state;
    snprintf(p->side[0].peer.address, sizeof(p->side[0].peer.address), "127.0.0.1:1");
    pair_meet(p);
    pair_run(p, 300);
    assert_int_equal(p->side[0].ups + p->side[1].ups, 0);
    pair_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_host),
        cmocka_unit_test(test_other_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
