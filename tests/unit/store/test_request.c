/* unit/store/test_request.c - reads go one behind the other, and each gets its own answer */
#include "rig.h"

#include <unistd.h>

static struct rig rig;

static int open_rig(void **state)
{
    (void)state;
    rig_open(&rig, RIG_PG_DIR, "test_request", "read_lanes = 1\n");
    rig_accounts(&rig, 1000, 300);
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

/* Many reads at once, each of another account. */
enum { MANY = 300, MEMBERS = 50 };
struct one_of_many {
    struct op op;
    struct account_read read;
    struct inbox_read inbox;
    uint64_t inbox_of; /* 0: reads an account */
    struct arena arena;
    enum err err;
    bool is_done;
};
static struct one_of_many many[MANY];

static op_step one_begins, one_was_read;

static void one_begins(struct op *op, enum err err)
{
    struct one_of_many *one = (struct one_of_many *)op;

    assert_int_equal(err, ERR_OK);
    one->read.arena = one->inbox.arena = &one->arena;
    one->inbox.limit = one->inbox.bytes_max = 1000;
    if (one->inbox_of)
        store_inbox_after(rig.store, (struct user_id){ one->inbox_of }, (struct inbox_seq){ 0 }, &one->inbox,
                          op_then(op, one_was_read));
    else
        store_account_by_id(rig.store, (struct user_id){ 1001 + (uint64_t)(one - many) }, &one->read,
                            op_then(op, one_was_read));
}

static void one_was_read(struct op *op, enum err err)
{
    op_finish(op, err);
}

static void one_is_done(struct op *op, enum err err, void *asker)
{
    (void)op;
    ((struct one_of_many *)asker)->err = err;
    ((struct one_of_many *)asker)->is_done = true;
}

static void one_is_free(struct op *op)
{
    (void)op;
}

static const struct op_kind one_kind = { .name = "one", .free = one_is_free };

/* All of them at once, in a loop that has other things to do; how many turns that took. */
static uint32_t many_are_read(const char *harm)
{
    uint32_t turns = 0, done = 0;

    for (int n = 0; n < MANY; n++)
        op_start(&rig.ops, &many[n].op, &one_kind, one_begins, one_is_done, &many[n]);
    while (done < MANY && turns < 10000) {
        usleep(2000);
        rig_turn(&rig, true);
        turns++;
        if (harm && turns == 2)
            rig_sql(&rig, "%s", harm);
        done = 0;
        for (int n = 0; n < MANY; n++)
            done += many[n].is_done;
    }
    for (int n = 0; n < MANY; n++)
        assert_int_equal(many[n].err, ERR_OK);
    return turns;
}

static void accounts_are_their_own(void)
{
    for (int n = 0; n < MANY; n++) {
        assert_int_equal(many[n].read.account.id.n, 1001 + n);
        arena_fini(&many[n].arena);
    }
}

/* A turn of the loop brings the answers of many: a busy loop has few turns. */
static void reads_do_not_wait_for_turns(void **state)
{
    (void)state;
    memset(many, 0, sizeof many);
    assert_in_range(many_are_read(NULL), 1, MANY / 3);
    accounts_are_their_own();
}

/* An inbox is read in two steps: what is there, then the messages. */
static void inboxes_do_not_wait_for_turns(void **state)
{
    struct members *m = rig_conversation(&rig, CONVERSATION_GROUP, 1000, MEMBERS);

    (void)state;
    memset(many, 0, sizeof many);
    for (uint64_t n = 0; n < MANY; n++)
        many[n].inbox_of = n % 3 ? 1001 + n % MEMBERS : 1001 + MEMBERS + n % MEMBERS;
    assert_in_range(many_are_read(NULL), 1, MANY / 3);
    for (int n = 0; n < MANY; n++) {
        const struct inbox_read *r = &many[n].inbox;
        assert_int_equal(r->count, n % 3 ? 1 : 0);
        assert_int_equal(r->head.n, n % 3 ? 1 : 0);
        if (r->count)
            assert_int_equal(r->at[0].event.conversation.n, m->conversation.n);
        arena_fini(&many[n].arena);
    }
    members_free(&m);
}

static void reads_survive_their_connections(void **state)
{
    (void)state;
    memset(many, 0, sizeof many);
    many_are_read(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
        "application_name = 'posthorn' AND datname = current_database()");
    accounts_are_their_own();
    rig_wait_up(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_do_not_wait_for_turns),
        cmocka_unit_test(inboxes_do_not_wait_for_turns),
        cmocka_unit_test(reads_survive_their_connections),
    };

    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
