/* check/history.h - what devices saw in a run, as they saw it: written by the device driver, read by the checker
 *
 * A run is a directory:
 *   NAME.history    binary, one file a process (or a thread, or a device): what its devices did and got
 *   faults.log      text, one line for each thing that the fault driver did:
 *                     <ns> begin <number> <kind> <words>   a fault is injected; kind is one word ("kill-worker")
 *                     <ns> end <number> [<words>]          it is healed: the process runs again, the link is up
 *                     <ns> open <name>                     from here on sends are counted in the window <name>, too
 *                     <ns> shut <name>                     until here; windows of one name are one figure
 *                     <ns> note <words>                    for people
 *                   A fault of the kind "timeline" is the only one after which a resync is no violation.
 *   *.copy          the database at the end, by tests/check/dump
 * All times are CLOCK_MONOTONIC in ns, of one machine (Python: time.monotonic_ns()).
 *
 * A history is written into a shared mapping of its file: what history_put() was told is there, whatever becomes of
 * the process a moment later. A record is visible whole or not at all.
 */
#pragma once
#include "model/key.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The numbers are stored. */
enum history_kind {
    /* A device of this file; from now on .device is its number here: 0, 1, 2 in the order of these records.
     * user, id (the device's). */
    HISTORY_DEVICE = 1,
    /* The device begins to send a message. Recorded before the first byte can leave (give .ns when the key is known
     * later than that), and again or not at each retry. key, conversation, hash (history_hash of the text), counter
     * (the device's own, rising in the order in which it wants its messages to stand; the same at a retry). */
    HISTORY_SEND = 2,
    /* The server acknowledged it, so the answer was read. key, conversation, seq, id, is_duplicate (200, not 201). */
    HISTORY_ACKED = 3,
    /* The server refused it for ever: 4xx that the client does not repeat. key, code (the HTTP status). */
    HISTORY_REFUSED = 4,
    /* A way to receive was opened. connection (the device's own, rising), timeline, i (of the cursor it was opened at:
     * the next event is i + 1; HISTORY_NOW: wherever the head is), text (the way). */
    HISTORY_OPENED = 5,
    /* An event with an i came. connection, i, event (enum event_kind), conversation, seq, id, from, key,
     * hash (of the text, 0 for what has none). Everything that came, also what came before: nothing is left out by
     * the recorder, and nothing is in here twice that came once. */
    HISTORY_EVENT = 6,
    /* connection, text (why). */
    HISTORY_CLOSED = 7,
    /* The server said resync. timeline, i (the device goes on behind it). */
    HISTORY_RESYNC = 8,
    /* What the driver knows of a membership. conversation, user, seq (of the event they joined with; 0: from its
     * beginning, or not known), to (of the event they left with; 0: are there, or not known). */
    HISTORY_MEMBER = 9,
    /* A failure that a user of the client library would have seen. text (what), code (0: none). */
    HISTORY_VISIBLE = 10,
    /* The device stops before the run is quiet: it need not have caught up with what comes later. text (why). */
    HISTORY_GONE = 11,
    HISTORY_KINDS
};

#define HISTORY_NOW UINT64_MAX
/* The text of HISTORY_OPENED for a way that asks now and then: what it brings is never called late. */
#define HISTORY_PAUSES "polls with pauses"
enum { HISTORY_TEXT_MAX = 100 };    /* bytes of text that are kept of what is given */

struct history_record {
    enum history_kind kind;
    bool is_duplicate;
    uint32_t device;                /* its number in this file; not read for HISTORY_DEVICE and HISTORY_MEMBER */
    uint32_t event, code;
    uint64_t ns;                    /* 0 for history_put(): now */
    uint64_t connection, i, timeline;
    uint64_t user, id, from, conversation, seq, to;
    uint64_t counter, hash;
    struct key key;
    struct text text;               /* borrowed; of history_next(): until the reader is closed */
};

/* One file, written by one thread at a time. */
struct history;
/* Creates the file (one that is there is replaced). NULL: can't, and errno says why. */
struct history *history_new(const char *path);
/* A new device of this file; answers its number. */
uint32_t history_device(struct history *h, uint64_t user, uint64_t device);
/* Writes one record; the fields that its kind does not name are ignored. A disk that is full ends the program with a
 * message: a run without its history proves nothing. */
void history_put(struct history *h, const struct history_record *r);
/* Cuts the file to what is in it. */
void history_free(struct history **h);

uint64_t history_now(void);                             /* CLOCK_MONOTONIC in ns */
uint64_t history_hash(const void *text, size_t bytes);  /* FNV-1a of 64 bits; 0 bytes give 0 */

/* Reading: the whole file in a mapping, from the beginning to its end or to where its writer was killed. */
struct history_reader {
    const unsigned char *at, *end, *from;
    size_t bytes;
    uint64_t ns;                    /* of the last record */
    uint32_t devices;
    bool is_broken;                 /* it ends in the middle of something that is no record */
};
/* False: can't be read, or is no history. */
MUST_USE bool history_open(struct history_reader *r, const char *path);
/* The next record; false: that was all, or is_broken. */
bool history_next(struct history_reader *r, struct history_record *into);
void history_rewind(struct history_reader *r);
void history_close(struct history_reader *r);
