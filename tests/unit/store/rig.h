/* unit/store/rig.h - a store with a loop around it, and a plain connection that looks over its shoulder */
#pragma once
#include "store/account.h"
#include "store/append.h"
#include "store/conversation.h"
#include "store/inbox.h"
#include "store/store.h"
#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

struct rig {
    struct config config;
    struct loop *loop;
    struct ops ops;
    struct snowflake ids;
    struct store *store;
    PGconn *conn;                   /* blocking: for checks and for harm */
};

/* A fresh database in the cluster of dir, migrated; settings are lines of the [store] section, or "". */
void rig_open(struct rig *r, const char *dir, const char *database, const char *settings);
void rig_close(struct rig *r);
/* The store goes and comes, as after a restart of the process. */
void rig_restart(struct rig *r);
void rig_turn(struct rig *r, bool may_sleep);
/* Turns until the store is up, or fails the test. */
void rig_wait_up(struct rig *r);
uint64_t rig_now_ms(void);
/* scripts/pg verb dir; the last line it prints into line (may be NULL). */
void rig_pg(const char *verb, const char *dir, char line[static 512]);

/* One call of the store as an op, run to its end; answers how it ended. */
typedef void rig_call(struct rig *r, struct op *op, void *ctx);
enum err rig_do(struct rig *r, rig_call *call, void *ctx);

/* Blocking SQL: the number in the first column of the first row, -1 when there is none. Fails the test on an error. */
int64_t rig_sql(struct rig *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An append and everything it needs. */
struct rig_append {
    struct op op;
    struct rig *rig;
    struct append append;
    struct members *members;
    struct inbox_seq i[LIMIT_MEMBERS + 1];
    bool is_done;
    enum err err;
    uint64_t tag;                   /* the test's own */
};
/* A message of members->member[from]; key of 0: none. The text becomes body and hash. */
struct rig_append *rig_message(struct rig *r, struct members *m, uint32_t from, uint64_t key, const char *text);
void rig_append_start(struct rig_append *a);
enum err rig_append_wait(struct rig_append *a);             /* starts nothing; turns until it is answered */
enum err rig_append_do(struct rig_append *a);               /* start and wait */
void rig_append_free(struct rig_append *a);

/* Accounts without passwords: ids base + 1 .. base + count, made by SQL. */
void rig_accounts(struct rig *r, uint64_t base, uint32_t count);
/* A conversation made through the store, of users base + 1 .. base + count; its members at their epoch. */
struct members *rig_conversation(struct rig *r, enum conversation_kind kind, uint64_t base, uint32_t count);
/* A key of now. */
struct key rig_key(uint64_t n);

/* Every seq and every i dense from 1, heads equal to them, no inbox row without its message, nothing twice. */
void rig_check_invariants(struct rig *r);
