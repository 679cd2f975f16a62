/* model/event.h - what stands in an inbox, and how it is written in JSON */
#pragma once
#include "base/blob.h"
#include "base/buf.h"
#include "model/id.h"
#include "model/key.h"

/* The numbers are stored: never change or reuse one. */
enum event_kind {
    EVENT_MESSAGE = 1, EVENT_EDIT = 2, EVENT_DELETE = 3, EVENT_REACTION = 4,
    EVENT_MEMBER = 5, EVENT_CONVERSATION = 6,
    EVENT_MARK = 7, EVENT_DEVICE = 8,       /* of the account alone: no message row, no seq */
};

const char *event_kind_word(enum event_kind k);         /* "message", "edit", ...; NULL: unknown */

/* One event, as stored. What is told of it is built here and nowhere else, so that live delivery,
 * polling and history can't differ by a byte. */
struct event {
    enum event_kind kind;
    struct conversation_id conversation;    /* 0 for EVENT_DEVICE */
    struct message_seq seq;                 /* 0 for EVENT_MARK and EVENT_DEVICE */
    struct message_id id;
    struct user_id from;
    struct key key;                         /* all 0: none */
    struct text body;                       /* a JSON object's members without braces, as stored:
                                             * "text":"hi","reply_to":3 - may be empty */
};

/* The event as JSON members from "t" to the end, without "i" and without braces:
 *   "t":"message","c":"9","seq":17,"id":"731","from":"5","at":"...","key":"...","text":"hi"
 * at comes from the id. One of these serves every recipient: who sends it puts braces around it and the
 * recipient's own "i" in front (json_members()). */
struct blob *event_encode(const struct event *e);

enum { EVENT_TIME_MAX = 25 };
void event_time_print(uint64_t unix_ms, char into[static EVENT_TIME_MAX]);  /* RFC 3339 UTC with ms */
