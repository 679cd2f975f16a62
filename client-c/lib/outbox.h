/* lib/outbox.h - messages that have no answer yet, on disk until they have one */
#pragma once
#include "lib/check.h"
#include "lib/ulid.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct exchange;

enum { OUTBOX_MOST = 10 * 1000, OUTBOX_FILE_MOST = 256 * 1024 * 1024 };

struct outbox_entry {
    char key[ULID_BYTES + 1];
    char conversation[24];
    char *body;                 /* the request's JSON, one line */
    struct exchange *sending;   /* the request with it that is under way; NULL: none */
    TAILQ_ENTRY(outbox_entry) entry;
};

TAILQ_HEAD(outbox_list, outbox_entry);

struct outbox {
    char *dir;                  /* NULL: in memory only */
    char *name;                 /* of our file; NULL until there is something to write */
    int fd;
    size_t file_bytes;
    struct outbox_list list;    /* by age */
    size_t count;
};

/* Opens the outbox in a directory and takes over what processes that ended left there. False: the disk;
 * errno says why. dir NULL: memory only. */
MUST_USE bool outbox_open(struct outbox *o, const char *dir);
/* Keeps a message: on disk when this returns true. key is greater than all before it. False: the disk
 * (errno), or OUTBOX_MOST wait (ENOBUFS). */
MUST_USE bool outbox_put(struct outbox *o, const char *key, const char *conversation, const char *body);
/* The message got its answer; frees the entry. */
void outbox_done(struct outbox *o, struct outbox_entry *e);
/* Forgets all messages, on disk too. */
void outbox_drop(struct outbox *o);
/* Closes; what waits stays on disk. */
void outbox_close(struct outbox *o);
