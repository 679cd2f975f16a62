/* unit/store/test_read.c - accounts, devices, conversations, inboxes, history and snapshots as they are read back */
#include "rig.h"

#include "model/snowflake.h"
#include <stdio.h>
#include <stdlib.h>

static struct rig rig;
static struct arena arena;

static int open_rig(void **state)
{
    (void)state;
    rig_open(&rig, RIG_PG_DIR, "test_read", "");
    rig_accounts(&rig, 1000, 300);
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

static int drop_arena(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static struct account someone = {
    .id = { 5 }, .handle = { "anna", 4 }, .name = { "Anna \xc3\x9c", 7 }, .created_unix_ms = 17
};
static struct account_read account;

static void create_account(struct rig *r, struct op *op, void *ctx)
{
    store_account_create(r->store, ctx, "hash of it", op);
}

static void read_by_handle(struct rig *r, struct op *op, void *ctx)
{
    store_account_by_handle(r->store, text_of(ctx), &account, op);
}

static void read_by_id(struct rig *r, struct op *op, void *ctx)
{
    store_account_by_id(r->store, *(struct user_id *)ctx, &account, op);
}

static void rename_account(struct rig *r, struct op *op, void *ctx)
{
    store_account_rename(r->store, *(struct user_id *)ctx, TEXT("another"), op);
}

static void accounts(void **state)
{
    (void)state;
    struct user_id nobody = { 6 };
    struct account again = someone;

    account.arena = &arena;
    again.id.n = 7;
    assert_int_equal(rig_do(&rig, create_account, &someone), ERR_OK);
    assert_int_equal(rig_do(&rig, create_account, &again), ERR_HANDLE_TAKEN);
    again = someone;
    again.handle = TEXT("of another");
    assert_int_equal(rig_do(&rig, create_account, &again),
                     ERR_INTERNAL); /* two of one id are our fault, not theirs */
    assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM mailbox WHERE user_id IN (5, 7)"), 1);
    assert_int_equal(rig_do(&rig, read_by_handle, "anna"), ERR_OK);
    assert_int_equal(account.account.id.n, 5);
    assert_string_equal(account.account.name.at, "Anna \xc3\x9c");
    assert_string_equal(account.password_hash, "hash of it");
    assert_int_equal(account.account.created_unix_ms, 17);
    assert_int_equal(rig_do(&rig, read_by_handle, "bert"), ERR_NOT_FOUND);
    assert_int_equal(rig_do(&rig, rename_account, &someone.id), ERR_OK);
    assert_int_equal(rig_do(&rig, rename_account, &nobody), ERR_NOT_FOUND);
    assert_int_equal(rig_do(&rig, read_by_id, &someone.id), ERR_OK);
    assert_string_equal(account.account.name.at, "another");
    assert_string_equal(account.account.handle.at, "anna");
    assert_string_equal(account.password_hash, "");
    assert_int_equal(rig_do(&rig, read_by_id, &nobody), ERR_NOT_FOUND);
}

static uint32_t number;

static void count_accounts(struct rig *r, struct op *op, void *ctx)
{
    store_accounts_count(r->store, ctx, 4, &number, op);
}

static void accounts_are_counted(void **state)
{
    (void)state;
    struct user_id users[] = { { 1100 }, { 1001 }, { 424242 }, { 1300 } };

    assert_int_equal(rig_do(&rig, count_accounts, users), ERR_OK);
    assert_int_equal(number, 3);
}

static struct inbox_seq head;
static struct device_read one_device;
static struct devices_read devices;

static void create_device(struct rig *r, struct op *op, void *ctx)
{
    store_device_create(r->store, ctx, &head, op);
}

static void read_device(struct rig *r, struct op *op, void *ctx)
{
    const struct device *d = ctx;
    store_device_read(r->store, d->user, d->id, &one_device, op);
}

static void list_devices(struct rig *r, struct op *op, void *ctx)
{
    store_devices(r->store, *(struct user_id *)ctx, &devices, op);
}

static void delete_device(struct rig *r, struct op *op, void *ctx)
{
    const struct device *d = ctx;
    store_device_delete(r->store, d->user, d->id, op);
}

static void see_devices(struct rig *r, struct op *op, void *ctx)
{
    store_devices_seen(r->store, ctx, 2, op);
}

static void devices_come_and_go(void **state)
{
    (void)state;
    struct device d = { .user = { 1001 },
                        .name = TEXT("phone"),
                        .platform = TEXT("linux"),
                        .created_unix_ms = 1000,
                        .expires_unix_ms = 5000 };
    struct device_seen seen[] = { { { 1001 }, { 100 }, { 7 }, 3000 }, { { 1001 }, { 101 }, { 2 }, 500 } };

    one_device.arena = devices.arena = &arena;
    memset(d.token_hash, 0xab, sizeof d.token_hash);
    rig_sql(&rig, "UPDATE mailbox SET last_i = 41 WHERE user_id = 1001");
    for (uint64_t n = 0; n < LIMIT_DEVICES; n++) {
        d.id.n = 100 + n;
        assert_int_equal(rig_do(&rig, create_device, &d), ERR_OK);
        assert_int_equal(head.n, 41);
    }
    d.id.n = 200;
    assert_int_equal(rig_do(&rig, create_device, &d), ERR_TOO_MANY_DEVICES);
    assert_int_equal(rig_do(&rig, read_device, &d), ERR_NOT_FOUND);
    d.id.n = 100;
    assert_int_equal(rig_do(&rig, see_devices, seen), ERR_OK);
    assert_int_equal(rig_do(&rig, read_device, &d), ERR_OK);
    assert_int_equal(one_device.device.seen_unix_ms, 3000);
    assert_int_equal(one_device.device.expires_unix_ms, 5000);
    assert_memory_equal(one_device.device.token_hash, d.token_hash, sizeof d.token_hash);
    assert_string_equal(one_device.device.platform.at, "linux");
    assert_int_equal(rig_sql(&rig, "SELECT acknowledged FROM device_cursor WHERE device_id = 100"), 41);
    assert_int_equal(rig_sql(&rig, "SELECT seen_ms FROM device_cursor WHERE device_id = 101"), 1000);
    assert_int_equal(rig_do(&rig, delete_device, &d), ERR_OK);
    assert_int_equal(rig_do(&rig, delete_device, &d), ERR_NOT_FOUND);
    assert_int_equal(rig_do(&rig, list_devices, &d.user), ERR_OK);
    assert_int_equal(devices.count, LIMIT_DEVICES - 1);
    assert_int_equal(devices.at[0].id.n, 101);

    d.id.n = 300; /* the others' time is over: there is room again */
    d.created_unix_ms = 6000;
    d.expires_unix_ms = 9000;
    assert_int_equal(rig_do(&rig, create_device, &d), ERR_OK);
    assert_int_equal(rig_do(&rig, list_devices, &d.user), ERR_OK);
    assert_int_equal(devices.count, 1);
    assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM device_cursor"), 1);
    d.user.n = 999999;
    assert_int_equal(rig_do(&rig, create_device, &d), ERR_NOT_FOUND);
}

static struct inbox_read inbox;
static struct inbox_seq after;

static void read_inbox(struct rig *r, struct op *op, void *ctx)
{
    store_inbox_after(r->store, *(struct user_id *)ctx, after, &inbox, op);
}

static enum err read_inbox_from(uint64_t user, uint64_t from, uint32_t limit, uint32_t bytes_max)
{
    struct user_id who = { user };

    after.n = from;
    inbox = (struct inbox_read){ .arena = &arena, .limit = limit, .bytes_max = bytes_max };
    return rig_do(&rig, read_inbox, &who);
}

static void send_text(struct members *m, uint32_t from, const char *text)
{
    struct rig_append *a = rig_message(&rig, m, from, 0, text);

    assert_int_equal(rig_append_do(a), ERR_OK);
    rig_append_free(a);
}

static void inboxes_are_read_in_order_and_cut(void **state)
{
    (void)state;
    struct members *m = rig_conversation(&rig, CONVERSATION_GROUP, 1010, 2);
    struct members *me = members_new(1);

    send_text(m, 0, "0123456789");
    send_text(m, 1, "");
    me->conversation = m->conversation;
    me->member[0].user.n = 1012;
    struct rig_append *mark = rig_message(&rig, me, 0, 0, "\"read\":3");
    mark->append.kind = EVENT_MARK;
    assert_int_equal(rig_append_do(mark), ERR_OK);
    send_text(m, 0, "abcdefghij");

    assert_int_equal(read_inbox_from(1012, 0, 500, 1000), ERR_OK);
    assert_int_equal(inbox.count, 5);
    assert_int_equal(inbox.head.n, 5);
    assert_int_equal(inbox.timeline, 1);
    for (uint32_t n = 0; n < 5; n++)
        assert_int_equal(inbox.at[n].i.n, n + 1);
    assert_int_equal(inbox.at[1].event.seq.n, 2);
    assert_int_equal(inbox.at[1].event.from.n, 1011);
    assert_int_equal(inbox.at[1].event.conversation.n, m->conversation.n);
    assert_true(text_equal(inbox.at[1].event.body, TEXT("0123456789")));
    assert_int_equal(inbox.at[2].event.body.bytes, 0);
    assert_int_equal(inbox.at[3].event.kind, EVENT_MARK);
    assert_int_equal(inbox.at[3].event.seq.n, 0);
    assert_int_equal(inbox.at[3].event.id.n, mark->append.id.n);
    assert_true(text_equal(inbox.at[3].event.body, TEXT("\"read\":3")));
    assert_true(text_equal(inbox.at[4].event.body, TEXT("abcdefghij")));

    assert_int_equal(read_inbox_from(1012, 3, 1, 1000), ERR_OK);
    assert_int_equal(inbox.count, 1);
    assert_int_equal(inbox.at[0].i.n, 4);
    assert_int_equal(read_inbox_from(1012, 1, 500, 15), ERR_OK);
    assert_int_equal(inbox.count, 2); /* ten bytes and none; the mark's eight are too many */
    assert_int_equal(read_inbox_from(1012, 1, 500, 1), ERR_OK);
    assert_int_equal(inbox.count, 1); /* one at least */
    assert_int_equal(read_inbox_from(1012, 5, 500, 1000), ERR_OK);
    assert_int_equal(inbox.count, 0);
    assert_int_equal(read_inbox_from(1012, 6, 500, 1000), ERR_RESYNC);
    assert_int_equal(read_inbox_from(424242, 0, 500, 1000), ERR_NOT_FOUND);

    rig_sql(&rig, "DELETE FROM inbox WHERE user_id = 1012 AND i < 3"); /* as a dropped partition does */
    assert_int_equal(read_inbox_from(1012, 1, 500, 1000), ERR_RESYNC);
    assert_int_equal(read_inbox_from(1012, 2, 500, 1000), ERR_OK);
    rig_sql(&rig, "DELETE FROM inbox WHERE user_id = 1012");
    assert_int_equal(read_inbox_from(1012, 4, 500, 1000), ERR_RESYNC);
    assert_int_equal(read_inbox_from(1012, 5, 500, 1000), ERR_OK);
    rig_sql(&rig, "DELETE FROM message WHERE conversation_id = %llu AND seq = 3",
            (unsigned long long)m->conversation.n);
    assert_int_equal(read_inbox_from(1011, 0, 500, 1000), ERR_INTERNAL); /* never a silent hole */
    rig_append_free(mark);
    members_free(&m);
    members_free(&me);
}

static struct history_read history;

static void read_history(struct rig *r, struct op *op, void *ctx)
{
    store_history(r->store, *(struct conversation_id *)ctx, &history, op);
}

static void history_goes_both_ways(void **state)
{
    (void)state;
    struct members *m = rig_conversation(&rig, CONVERSATION_GROUP, 1020, 2);
    uint64_t id[12] = { 0 };

    for (int n = 2; n < 12; n++) {
        struct rig_append *a = rig_message(&rig, m, 0, (uint64_t)n, "ten bytes!");
        assert_int_equal(rig_append_do(a), ERR_OK);
        id[n] = a->append.id.n;
        rig_append_free(a);
    }
    history = (struct history_read){ .arena = &arena, .limit = 4, .bytes_max = 1000 };
    assert_int_equal(rig_do(&rig, read_history, &m->conversation), ERR_OK);
    assert_int_equal(history.count, 4);
    assert_true(history.more);
    assert_int_equal(history.at[0].seq.n, 8);
    assert_int_equal(history.at[3].seq.n, 11);
    assert_int_equal(history.at[3].key.low, ~11ull);
    assert_int_equal(history.at[3].conversation.n, m->conversation.n);
    history.before.n = id[4];
    assert_int_equal(rig_do(&rig, read_history, &m->conversation), ERR_OK);
    assert_int_equal(history.count, 3);
    assert_int_equal(history.at[0].seq.n, 1);
    assert_false(history.more);
    history.joined.n = 2;
    assert_int_equal(rig_do(&rig, read_history, &m->conversation), ERR_OK);
    assert_int_equal(history.count, 2);
    assert_false(history.more);
    history.before.n = 0;
    history.after.n = 1;
    history.joined.n = 5;
    assert_int_equal(rig_do(&rig, read_history, &m->conversation), ERR_OK);
    assert_int_equal(history.at[0].seq.n, 5);
    assert_int_equal(history.at[3].seq.n, 8);
    assert_true(history.more);
    history.bytes_max = 25;
    assert_int_equal(rig_do(&rig, read_history, &m->conversation), ERR_OK);
    assert_int_equal(history.count, 2);
    assert_true(history.more);
    history.after.n = id[11];
    assert_int_equal(rig_do(&rig, read_history, &m->conversation), ERR_OK);
    assert_int_equal(history.count, 0);
    assert_false(history.more);
    members_free(&m);
}

static struct conversation_read conversation;
static struct snapshot_read snapshot;
static struct conversation_id found;

static void read_conversation(struct rig *r, struct op *op, void *ctx)
{
    store_conversation(r->store, (struct user_id){ 1031 }, *(struct conversation_id *)ctx, &conversation, op);
}

static void read_snapshot(struct rig *r, struct op *op, void *ctx)
{
    store_snapshot(r->store, *(struct user_id *)ctx, &snapshot, op);
}

static void find_direct(struct rig *r, struct op *op, void *ctx)
{
    const struct user_id *pair = ctx;
    store_direct(r->store, pair[0], pair[1], &found, op);
}

static void count_groups(struct rig *r, struct op *op, void *ctx)
{
    store_groups_count(r->store, *(struct user_id *)ctx, &number, op);
}

static void conversations_as_a_member_sees_them(void **state)
{
    (void)state;
    struct members *group = rig_conversation(&rig, CONVERSATION_GROUP, 1030, 3);
    struct members *direct = rig_conversation(&rig, CONVERSATION_DIRECT, 1030, 2);
    struct members *foreign = rig_conversation(&rig, CONVERSATION_GROUP, 1035, 2);
    struct user_id pair[] = { { 1032 }, { 1031 } }, strangers[] = { { 1031 }, { 1033 } };

    send_text(group, 1, "newest");
    conversation.arena = snapshot.arena = &arena;
    assert_int_equal(rig_do(&rig, read_conversation, &group->conversation), ERR_OK);
    assert_int_equal(conversation.conversation.members_count, 3);
    assert_int_equal(conversation.conversation.last_seq.n, 2);
    assert_int_equal(conversation.conversation.role, ROLE_OWNER);
    assert_int_equal(conversation.conversation.joined.n, 1);
    assert_string_equal(conversation.conversation.title.at, "a title");
    assert_true(conversation.conversation.has_last);
    assert_true(text_equal(conversation.conversation.last.body, TEXT("newest")));
    assert_int_equal(conversation.conversation.last.from.n, 1032);
    assert_int_equal(conversation.conversation.other.n, 0);
    assert_int_equal(rig_do(&rig, read_conversation, &direct->conversation), ERR_OK);
    assert_int_equal(conversation.conversation.other.n, 1032);
    assert_int_equal(rig_do(&rig, read_conversation, &foreign->conversation), ERR_NOT_FOUND);

    assert_int_equal(rig_do(&rig, find_direct, pair), ERR_OK);
    assert_int_equal(found.n, direct->conversation.n);
    assert_int_equal(rig_do(&rig, find_direct, strangers), ERR_NOT_FOUND);
    assert_int_equal(rig_do(&rig, count_groups, &strangers[0]), ERR_OK);
    assert_int_equal(number, 1);

    snapshot.limit = 1;
    assert_int_equal(rig_do(&rig, read_snapshot, &strangers[0]), ERR_OK);
    assert_int_equal(snapshot.count, 1);
    assert_int_equal(snapshot.head.n, 3);
    assert_int_equal(snapshot.timeline, 1);
    assert_int_equal(snapshot.at[0].id.n, direct->conversation.n);
    assert_int_equal(snapshot.next_before.n, direct->conversation.n);
    snapshot.before = snapshot.next_before;
    assert_int_equal(rig_do(&rig, read_snapshot, &strangers[0]), ERR_OK);
    assert_int_equal(snapshot.count, 1);
    assert_int_equal(snapshot.at[0].id.n, group->conversation.n);
    assert_int_equal(snapshot.at[0].members_count, 3);
    assert_int_equal(snapshot.next_before.n, 0);
    members_free(&group);
    members_free(&direct);
    members_free(&foreign);
}

static struct members *members;

static void read_members(struct rig *r, struct op *op, void *ctx)
{
    store_members(r->store, *(struct conversation_id *)ctx, &members, op);
}

static void members_with_their_epoch(void **state)
{
    (void)state;
    struct members *m = rig_conversation(&rig, CONVERSATION_GROUP, 1040, 101);
    struct conversation_id none = { 3 };

    assert_int_equal(rig_do(&rig, read_members, &none), ERR_NOT_FOUND);
    assert_null(members);
    assert_int_equal(rig_do(&rig, read_members, &m->conversation), ERR_OK);
    assert_int_equal(members->count, 101);
    assert_int_equal(members->epoch, 1);
    assert_int_equal(members->kind, CONVERSATION_GROUP);
    assert_non_null(members_find(members, (struct user_id){ 1141 }));
    assert_int_equal(members_find(members, (struct user_id){ 1041 })->role, ROLE_OWNER);
    members_free(&members);
    members_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(accounts, drop_arena),
        cmocka_unit_test_teardown(accounts_are_counted, drop_arena),
        cmocka_unit_test_teardown(devices_come_and_go, drop_arena),
        cmocka_unit_test_teardown(inboxes_are_read_in_order_and_cut, drop_arena),
        cmocka_unit_test_teardown(history_goes_both_ways, drop_arena),
        cmocka_unit_test_teardown(conversations_as_a_member_sees_them, drop_arena),
        cmocka_unit_test_teardown(members_with_their_epoch, drop_arena),
    };
    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
