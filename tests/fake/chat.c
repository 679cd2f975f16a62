/* fake/chat.c - a chat on a store in memory, and somebody who asks it */
#include "fake/chat.h"
#include "chat/muster.h"

enum { FAKE_CACHED = 4 };

static op_step fake_asker_begin, fake_asker_end;
static op_done fake_asker_done;
static void fake_asker_free(struct op *op);

static const struct op_kind fake_asker_kind = { .name = "asker", .free = fake_asker_free };

void fake_chat_init(struct fake_chat *f)
{
    struct config_error why;

    *f = (struct fake_chat){ 0 };
    secret_init();
    CHECK(!config_parse(&f->config, "", 0, &why));
    ops_init(&f->ops);
    snowflake_init(&f->ids, 5);
    struct loop *loop = loop_new();
    loop_wait(loop, false);
    f->store = store_new(loop, &f->ops, &f->config, &f->ids);
    f->chat = (struct chat){ .loop = loop,
                             .ops = &f->ops,
                             .config = &f->config,
                             .store = f->store,
                             .ids = &f->ids,
                             .offload = offload_new(loop, 1, 4),
                             .roster = roster_new(FAKE_CACHED),
                             .sessions = sessions_new(FAKE_CACHED) };
    f->chat.muster = muster_new(&f->chat);
}

void fake_chat_fini(struct fake_chat *f)
{
    fake_chat_run(f);
    CHECK(f->ops.live == 0);
    muster_free(&f->chat.muster);
    sessions_free(&f->chat.sessions);
    roster_free(&f->chat.roster);
    offload_free(&f->chat.offload);
    store_free(&f->chat.store);
    loop_free(&f->chat.loop);
}

void fake_chat_run(struct fake_chat *f)
{
    while (!ops_idle(&f->ops))
        ops_run(&f->ops);
}

static void fake_asker_begin(struct op *op, enum err err)
{
    struct fake_asker *a = (struct fake_asker *)op;

    CHECK(!err);
    a->begin(a->operation, op_then(op, fake_asker_end));
}

static void fake_asker_end(struct op *op, enum err err)
{
    struct fake_asker *a = (struct fake_asker *)op;

    a->is_done = true;
    a->err = err;
    op_finish(op, err);
}

static void fake_asker_done(struct op *op, enum err err, void *asker)
{
    (void)op;
    (void)err;
    (void)asker;
}

static void fake_asker_free(struct op *op)
{
    (void)op;
}

void fake_chat_begin(struct fake_chat *f, struct fake_asker *a, fake_chat_begin_fn *begin, void *operation)
{
    *a = (struct fake_asker){ .begin = begin, .operation = operation };
    op_start(&f->ops, &a->op, &fake_asker_kind, fake_asker_begin, fake_asker_done, a);
    fake_chat_run(f);
}

enum err fake_chat_ask(struct fake_chat *f, fake_chat_begin_fn *begin, void *operation)
{
    struct fake_asker a;

    fake_chat_begin(f, &a, begin, operation);
    for (int n = 0; n < 10000 && !a.is_done; n++) { /* a helper thread may be hashing */
        loop_wait(f->chat.loop, true);
        fake_chat_run(f);
    }
    CHECK(a.is_done);
    return a.err;
}
