/* fake/chat.h - a chat on a store in memory, and somebody who asks it */
#pragma once
#include "chat/chat.h"
#include "chat/roster.h"
#include "chat/sessions.h"
#include "fake/store.h"

struct fake_chat {
    struct ops ops;
    struct snowflake ids;
    struct config config;
    struct chat chat;
    struct store *store; /* chat.store */
};

void fake_chat_init(struct fake_chat *f);
void fake_chat_fini(struct fake_chat *f);
/* Runs what is ready, to its end. */
void fake_chat_run(struct fake_chat *f);

/* Starts an operation that wakes op. */
typedef void fake_chat_begin_fn(void *operation, struct op *op);

struct fake_asker {
    struct op op; /* first */
    fake_chat_begin_fn *begin;
    void *operation;
    bool is_done;
    enum err err;
};
/* Starts the operation and runs it as far as it goes. */
void fake_chat_begin(struct fake_chat *f, struct fake_asker *a, fake_chat_begin_fn *begin, void *operation);
/* The same for an operation that ends in this turn; returns how. */
enum err fake_chat_ask(struct fake_chat *f, fake_chat_begin_fn *begin, void *operation);
