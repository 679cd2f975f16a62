/* chat/chat.h - what every operation needs: the store, the clock, the ids, and two caches */
#pragma once
#include "base/config.h"
#include "base/loop.h"
#include "base/offload.h"
#include "base/op.h"
#include "model/snowflake.h"
#include "store/store.h"

/* Made by main, shared by all operations; nothing here is copied. */
struct chat {
    struct loop *loop;
    struct ops *ops;
    const struct config *config;
    struct store *store;
    struct snowflake *ids;
    struct offload *offload;        /* passwords */
    struct muster *muster;          /* who is being read for the roster */
    struct roster *roster;          /* who is in which conversation */
    struct sessions *sessions;      /* whose token it is */
};

/* Ends a sub-operation: wakes the op that asked for it. An op_done. */
void chat_wake_asker(struct op *op, enum err err, void *asker);
/* An op_kind's free for operations that live in their asker's memory. */
void chat_free_nothing(struct op *op);
