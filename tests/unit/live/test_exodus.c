/* unit/live/test_exodus.c - everybody is sent away, once, and never all at the same moment */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "live/exodus.h"
#include <cmocka.h>
#include <stdlib.h>

enum { CROWD = 2000 };

struct guest {
    struct hub_watcher watcher; /* first */
    uint32_t ends;
};

static uint32_t gone;

static void on_news(struct hub_watcher *w)
{
    (void)w;
}

static void on_end(struct hub_watcher *w, enum err why)
{
    assert_int_equal(why, ERR_DRAINING);
    ((struct guest *)w)->ends++;
    gone++;
}

/* How many steps it takes, and how many go in the busiest of them. */
static void leave(uint32_t crowd, uint32_t *steps, uint32_t *most)
{
    struct loop *loop = loop_new();
    struct hub *hub = hub_new(loop);
    struct guest *guest = calloc(crowd, sizeof *guest);
    struct exodus e;

    *steps = *most = 0;
    for (uint32_t k = 0; k < crowd; k++) {
        guest[k].watcher = (struct hub_watcher){
            .user = { k + 1 }, .device = { 1 }, .kind = HUB_STREAM, .news = on_news, .end = on_end
        };
        hub_watch(hub, &guest[k].watcher);
    }
    exodus_begin(&e, crowd);
    for (gone = 0; exodus_step(&e, hub); gone = 0) {
        ++*steps;
        *most = gone > *most ? gone : *most;
    }
    assert_int_equal(e.shares, 0);
    for (uint32_t k = 0; k < crowd; k++) {
        assert_int_equal(guest[k].ends, 1);
        hub_unwatch(hub, &guest[k].watcher);
    }
    free(guest);
    hub_free(&hub);
    loop_free(&loop);
}

static void everybody_goes_once_and_not_together(void **state)
{
    uint32_t steps, most;

    (void)state;
    leave(100, &steps, &most);
    assert_int_equal(steps, 1 + 100 / EXODUS_SHARE);
    assert_in_range(most, 1, 6 * EXODUS_SHARE);
    leave(CROWD, &steps, &most);
    assert_int_equal(steps, EXODUS_SHARES_MAX);
    assert_in_range(most, CROWD / EXODUS_SHARES_MAX, 3 * CROWD / EXODUS_SHARES_MAX);
    leave(0, &steps, &most);
    assert_int_equal(steps, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(everybody_goes_once_and_not_together) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
