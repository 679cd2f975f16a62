/* load/bare.h - the store's send transaction on bare, blocking libpq */
#pragma once
#include "model/snowflake.h"
#include "store/encode.h"
#include <libpq-fe.h>

struct bare_options {
    const char *conninfo;
    uint32_t processes, batch, users, conversations, text_bytes;
    bool shares;                    /* all processes write to the same conversations */
};

struct bare_message {
    uint64_t conversation, id, seq, sender, key_high, key_low;
};
struct bare_row {                  /* of an inbox */
    uint64_t user, i, conversation, id;
};
struct bare_head {                 /* a conversation or a mailbox */
    uint64_t key, first_id, last_id, base;
    uint32_t n;
};
/* One connection. */
struct bare_process {
    const struct bare_options *o;
    uint32_t number;
    PGconn *conn;
    struct encode encode;
    struct snowflake ids;
    uint64_t dice;
    char *text;
    struct bare_message *message;
    struct bare_row *row;
    struct bare_head *head, *box;
    uint32_t heads, boxes;
};


/* Connects and prepares; whatever Postgres refuses, here and later, ends the program with a line on stderr. */
void bare_begin(struct bare_process *p, const struct bare_options *o, uint32_t number);
void bare_end(struct bare_process *p);
/* One batch of messages between users drawn by lot, durable when it returns. */
void bare_transaction(struct bare_process *p);

PGconn *bare_connect(const char *conninfo);
void bare_exec(PGconn *conn, const char *statement);    /* one that must work */
