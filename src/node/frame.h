/* node/frame.h - what nodes say to each other, as bytes
 *
 * A frame is 4 bytes of length (of what follows), 2 of type, 2 of zero, and the fields of its type in network byte
 * order. A number is 8 bytes unless its field says otherwise; a text is its length in 4 bytes and its bytes; places
 * are 16 bytes each and stand last. What is left behind the last field is of a newer version, and is skipped.
 */
#pragma once
#include "base/blob.h"
#include "base/err.h"
#include "model/cursor.h"
#include "model/id.h"
#include "model/key.h"

enum {
    FRAME_HEAD_BYTES = 8,
    FRAME_BYTES_MAX = 256 * 1024,   /* the largest event, to 100 members, or a frame full of places */
    FRAME_PLACES_MAX = 4096,
    FRAME_VERSION_LEAST = 1, FRAME_VERSION = 1,     /* what this program speaks */
};

enum frame_type {
    /* of the stream itself: not numbered, never kept */
    FRAME_HELLO = 1,                /* the first one there: node, incarnation, to (whom it takes the peer for), version
                                     * range, number (of the first frame that it has to say) */
    FRAME_WELCOME = 2,              /* the first one back: node, incarnation, version (chosen), number (the next that it
                                     * wants: what is below has arrived; 0: it knows nothing of this incarnation) */
    FRAME_ACK = 3,                  /* back: number (all below were taken) */
    FRAME_PING = 4,                 /* either way, when nothing was said for LIMIT_LINK_PING_MS; no answer but ACK */
    FRAME_REFUSED = 5,              /* back, instead of WELCOME: text is why; the stream ends */

    /* numbered, kept until acknowledged */
    FRAME_NOTICE = 16,              /* to home(user): node (who committed), timeline, hops, encoded, and for each
                                     * recipient user and i. encoded may be empty: there is something, read it */
    FRAME_DELIVER = 17,             /* home to edge: the same, and goes no further */
    FRAME_REGISTER = 18,            /* edge to home: request, epoch; places: users who are here (i: known head, 0) */
    FRAME_REGISTERED = 19,          /* back: request, timeline; places: the head as home knows it, 0: not known */
    FRAME_LEAVE = 20,               /* edge to home: places: users who are here no more */
    FRAME_CHECK = 21,               /* edge to home: timeline; places: what was delivered */
    FRAME_HEADS = 22,               /* back: timeline; places: whose head is above that */
    FRAME_DOUBT = 23,               /* hops 0: notices to you were dropped: whom you tell may have missed some; hops 1:
                                     * what I tell you of may have missed some */
    FRAME_SIGNAL = 24,              /* to home(user): node (where it began), hops, device (the sender's), encoded;
                                     * places: users */
    FRAME_PASS = 25,                /* home to edge: the same, and goes no further */
    FRAME_REVOKE = 26,              /* to all: user, device: its session ended */
    FRAME_CHANGED = 27,             /* to all: conversation: its members are others now */
    FRAME_SEND = 28,                /* to home(conversation): request, hops, wait_ms, user, conversation, key, reply_to,
                                     * type, text, ciphertext (one of the two is empty) */
    FRAME_SENT = 29,                /* back: request, err, id, seq, is_duplicate */
    FRAME_EPOCH = 30,               /* to all: epoch: there is a newer table, read it; 0 says nothing: it keeps the
                                     * number of one that perished */
};

struct frame_place {
    struct user_id user;
    struct inbox_seq i;
};

/* Every field of every type; those that a type does not have are not looked at and come back as 0. Texts are
 * borrowed: from the maker, or from the bytes that were read. */
struct frame {
    enum frame_type type;
    uint32_t node, version_least, version, hops, wait_ms;   /* 4 bytes each */
    uint64_t incarnation, to, number, request, epoch, timeline, reply_to;
    struct user_id user;
    struct device_id device;
    struct conversation_id conversation;
    struct key key;
    struct message_id id;
    struct message_seq seq;
    enum err err;                   /* as its wire code, a text: numbers of errors differ between versions; a code that is
                                     * not known here becomes ERR_INTERNAL */
    bool is_duplicate;              /* 1 byte */
    struct text encoded, kind, text, ciphertext;
    const struct frame_place *place;        /* out: at NULL, see frame_place_at() */
    const char *places_at;          /* in: where they stand */
    uint32_t places;
};

/* Whether an encoded frame is of use only at once: a SEND whose answer nobody waits for must not be carried out. */
bool frame_is_perishable(const struct blob *encoded);
/* The whole frame as one blob. CHECKs that it fits FRAME_BYTES_MAX and FRAME_PLACES_MAX: whoever makes it looks first. */
struct blob *frame_encode(const struct frame *f);
/* The length of the frame that begins with these FRAME_HEAD_BYTES, head included; 0: too large, or not a frame. */
uint32_t frame_bytes(const char head[static FRAME_HEAD_BYTES]);
/* Reads a whole frame. ERR_BAD_REQUEST: fields are missing, too long or out of their range. A type that is not known
 * is OK, with only the type: skipped. */
MUST_USE enum err frame_decode(struct text bytes, struct frame *into);
struct frame_place frame_place_at(const struct frame *f, uint32_t k);
