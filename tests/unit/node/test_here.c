/* unit/node/test_here.c - who is here is registered at home, and looked after in Postgres while that can't be trusted */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs those four first */
#include "node/heads.h"
#include "node/here.h"
#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

enum { SELF = 1, USERS = 64, NODES = 8, LOOK_MS = 1300, LAST_LOOK_MS = 4000, SLACK_MS = 300 };

/* The links, and who was asked for in Postgres. What was said of a user: the last of its kind, and to whom. */
struct said {
    uint32_t to;
    unsigned count;
    uint64_t i;
};
static bool is_up[NODES];
static struct said registers[USERS], leaves[USERS], checks[USERS];
static unsigned asked[USERS];

bool links_is_up(const struct links *l, uint32_t node)
{
    (void)l;
    return is_up[node];
}

bool links_send(struct links *l, uint32_t node, struct blob *frame)
{
    struct frame f;

    (void)l;
    assert_int_equal(frame_decode(blob_text(frame), &f), ERR_OK);
    assert_true(f.type == FRAME_REGISTER || f.type == FRAME_LEAVE || f.type == FRAME_CHECK);
    for (uint32_t k = 0; k < f.places; k++) {
        struct frame_place p = frame_place_at(&f, k);
        struct said *s = f.type == FRAME_REGISTER ? registers : f.type == FRAME_LEAVE ? leaves : checks;

        assert_true(p.user.n < USERS);
        s[p.user.n] = (struct said){ node, s[p.user.n].count + 1, p.i.n };
    }
    return true;
}

void heads_ask(struct heads *h, struct user_id user)
{
    (void)h;
    asked[user.n]++;
}

void heads_forget(struct heads *h, struct user_id user)
{
    (void)h;
    (void)user;
}

uint64_t heads_healed(const struct heads *h)
{
    (void)h;
    return 0;
}

static struct loop *loop;
static struct hub *hub;
static struct here *here;
static struct links *links; /* none */
static struct ring *three, *two; /* of nodes 1 2 3, and without the third */
static struct hub_watcher watcher[USERS];

static void on_news(struct hub_watcher *w)
{
    (void)w;
}

static void on_end(struct hub_watcher *w, enum err why)
{
    (void)w;
    (void)why;
}

static struct ring *ring_of(uint32_t nodes)
{
    const struct ring_member member[] = { { 1, RING_WEIGHT }, { 2, RING_WEIGHT }, { 3, RING_WEIGHT } };

    return ring_new(member, nodes, RING_SLOTS);
}

static int setup(void **state)
{
    (void)state;
    loop = loop_new();
    loop_wait(loop, false);
    hub = hub_new(loop);
    hub_set_alone(hub, false);
    here = here_new(&(struct here_parts){ .loop = loop, .hub = hub, .links = &links });
    here_self(here, SELF);
    three = ring_of(3);
    two = ring_of(2);
    here_table(here, three);
    for (uint32_t n = 0; n < NODES; n++)
        is_up[n] = n == 2 || n == 3;
    for (uint32_t u = 0; u < USERS; u++) {
        registers[u] = leaves[u] = checks[u] = (struct said){ 0 };
        asked[u] = 0;
        watcher[u] = (struct hub_watcher){
            .user = { u }, .device = { 1 }, .kind = HUB_STREAM, .news = on_news, .end = on_end
        };
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (uint32_t u = 0; u < USERS; u++)
        hub_unwatch(hub, &watcher[u]);
    here_free(&here);
    hub_free(&hub);
    loop_free(&loop);
    ring_free(&three);
    ring_free(&two);
    return 0;
}

/* A user whose home is that node, and will be the next one when there are but two. */
static uint64_t user_of(uint64_t home, uint64_t next)
{
    for (uint64_t u = 1; u < USERS; u++) {
        if (ring_home(three, u)->id == home && ring_home(two, u)->id == next)
            return u;
    }
    fail_msg("no such user");
    return 0;
}

static void enter(uint64_t user)
{
    hub_watch(hub, &watcher[user]);
    here_turn(here);
}

/* Everybody else: with few users each one's turn to be checked in Postgres would come within seconds. */
static void enter_others(void)
{
    for (uint64_t u = 1; u < USERS; u++) {
        if (!watcher[u].at)
            enter(u);
    }
}

static void run(uint64_t ms)
{
    for (uint64_t end_ms = loop_now_ms(loop) + ms; loop_now_ms(loop) < end_ms;) {
        usleep(1000);
        loop_wait(loop, false);
        here_turn(here);
    }
}

static bool is_settled(uint64_t user)
{
    return hub_is_settled(&watcher[user]);
}

static void registered(uint64_t user, uint32_t from, uint64_t i)
{
    struct frame_place place = { { user }, { i } };
    struct frame f = { .type = FRAME_REGISTERED, .place = &place, .places = 1 };

    here_registered(here, from, &f);
}

static void test_registered_before_it_reads(void **state)
{
    uint64_t user = user_of(2, 2), own = user_of(1, 1);
    struct here_stats stats;

    (void)state;
    enter(own);
    assert_true(is_settled(own)); /* at home: notices come here */
    assert_int_equal(asked[own], 1);
    assert_int_equal(registers[own].count, 0);
    enter(user);
    assert_int_equal(registers[user].to, 2);
    assert_false(is_settled(user));
    registered(user, 3, 50); /* who is not its home */
    assert_false(is_settled(user));
    assert_int_equal(hub_known(hub, (struct user_id){ user }).n, 0);
    assert_int_equal(asked[user], 0);
    registered(user, 2, 12);
    assert_true(is_settled(user));
    assert_int_equal(hub_known(hub, (struct user_id){ user }).n, 12);
    assert_int_equal(asked[user], 1);
    registered(63, 2, 1); /* who is not here */
    run(50);
    assert_int_equal(registers[user].count, 1);
    here_stats_read(here, &stats);
    assert_int_equal(stats.registered, 1);
    assert_int_equal(stats.users, 2);
}

static void test_home_can_not_be_asked(void **state)
{
    uint64_t user = user_of(3, 2), late = user_of(2, 2);

    (void)state;
    is_up[3] = false;
    enter(user);
    assert_int_equal(registers[user].count, 0);
    assert_true(is_settled(user)); /* reads, and Postgres is asked */
    assert_int_equal(asked[user], 1);
    is_up[3] = true;
    here_link_up(here, 3);
    here_turn(here);
    assert_int_equal(registers[user].to, 3);

    enter(late); /* and one whose home does not answer */
    run(LIMIT_REGISTER_MS - 200);
    assert_false(is_settled(late));
    run(400);
    assert_true(is_settled(late));
    assert_true(asked[late] >= 1);
    assert_int_equal(registers[late].count, 1);
    registered(late, 2, 9); /* it did after all */
    assert_int_equal(hub_known(hub, (struct user_id){ late }).n, 9);
}

/* While home can't be trusted Postgres is asked every LIMIT_UNSURE_MS, and home again when it is there. */
static void test_unsure(void **state)
{
    uint64_t user = user_of(3, 2);
    unsigned before;

    (void)state;
    enter(user), enter_others();
    registered(user, 3, 1);
    is_up[3] = false;
    before = asked[user];
    here_link_down(here, 3, true);
    assert_true(asked[user] > before);
    run(LAST_LOOK_MS + SLACK_MS); /* those looks are another matter */
    before = asked[user];
    run(LIMIT_UNSURE_MS);
    assert_in_range(asked[user] - before, 1, 3);
    assert_int_equal(registers[user].count, 1);
    is_up[3] = true;
    here_link_up(here, 3);
    here_turn(here);
    assert_int_equal(registers[user].count, 2);
    registered(user, 3, 2);
    run(LIMIT_UNSURE_MS + SLACK_MS);
    assert_int_equal(registers[user].count, 2);
}

static void test_moves(void **state)
{
    uint64_t user = user_of(3, 2), stays = user_of(2, 2), comes_home = user_of(3, 1);

    (void)state;
    enter(user), enter(stays), enter(comes_home);
    registered(user, 3, 5);
    registered(stays, 2, 5);
    registered(comes_home, 3, 5);
    here_table(here, two);
    here_turn(here);
    assert_int_equal(registers[user].to, 2);
    assert_int_equal(registers[user].count, 2);
    assert_int_equal(registers[stays].count, 1);
    assert_int_equal(leaves[user].count, 0); /* until the new home knows of it */
    registered(user, 3, 5); /* the old one, late */
    assert_int_equal(leaves[user].count, 0);
    registered(user, 2, 6);
    assert_int_equal(leaves[user].count, 1);
    assert_int_equal(leaves[user].to, 3);
    assert_int_equal(hub_known(hub, (struct user_id){ user }).n, 6);
    assert_int_equal(registers[comes_home].count, 1);
    assert_true(is_settled(comes_home));
}

/* Others may go by the older table for a while: who moved or came since is looked after twice. */
static void test_second_looks(void **state)
{
    uint64_t user = user_of(3, 2), stays = user_of(2, 2);
    unsigned moved, stayed;

    (void)state;
    enter(user), enter(stays), enter_others();
    registered(user, 3, 5);
    registered(stays, 2, 5);
    run(100);
    here_table(here, two);
    here_turn(here);
    registered(user, 2, 6);
    moved = asked[user];
    stayed = asked[stays];
    run(LOOK_MS - 200);
    assert_int_equal(asked[user], moved);
    run(200 + SLACK_MS);
    assert_int_equal(asked[user], moved + 1);
    run(LAST_LOOK_MS - LOOK_MS);
    assert_int_equal(asked[user], moved + 2);
    assert_int_equal(asked[stays], stayed);
    run(1000);
    assert_int_equal(asked[user], moved + 2);
}

static void test_doubts(void **state)
{
    uint64_t user = user_of(3, 2), other = user_of(2, 2);
    unsigned before, before_other;
    struct frame_place place = { { user }, { 40 } };
    struct frame heads = { .type = FRAME_HEADS, .place = &place, .places = 1 };
    struct here_stats stats;

    (void)state;
    enter(user), enter(other);
    registered(user, 3, 5);
    registered(other, 2, 5);
    before = asked[user], before_other = asked[other];
    here_doubt_home(here, 3);
    assert_int_equal(asked[user], before + 1);
    assert_int_equal(asked[other], before_other);
    here_doubt_all(here);
    assert_int_equal(asked[user], before + 2);
    assert_int_equal(asked[other], before_other + 1);
    here_heads(here, &heads);
    assert_int_equal(hub_known(hub, (struct user_id){ user }).n, 40);
    here_stats_read(here, &stats);
    assert_int_equal(stats.healed, 1);
    here_heads(here, &heads);
    here_stats_read(here, &stats);
    assert_int_equal(stats.healed, 1);
    run(300); /* everybody's turn comes, with what was delivered */
    assert_true(checks[user].count > 0);
    assert_int_equal(checks[user].to, 3);
    assert_int_equal(checks[user].i, 40);
    here_alone(here);
    here_stats_read(here, &stats);
    assert_int_equal(stats.users, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_registered_before_it_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_home_can_not_be_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unsure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_second_looks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_doubts, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
