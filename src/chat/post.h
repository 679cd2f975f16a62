/* chat/post.h - something happens in a conversation: decided on the members, committed, told to them
 *
 * Every change of a conversation goes this way: a message, a new title, a member who comes or goes. What may
 * happen is decided on the cached members; the store checks under the head's lock that they are still the ones.
 */
#pragma once
#include "chat/chat.h"
#include "chat/notices.h"
#include "store/append.h"

struct post;
/* Looks at post->members and fills post->append (kind, body, effects; recipients are the members unless
 * post->recipients is set). May run again with other members. An err other than OK ends the post with it. */
typedef enum err post_decide_fn(struct post *p);

struct post {
    struct op op;                   /* first */
    struct chat *chat;              /* in */
    post_decide_fn *decide;         /* in */
    struct conversation_id conversation;        /* in */
    struct user_id user;            /* in: who does it */

    struct members *members;        /* as of now; the post's reference */
    struct members *recipients;     /* made by decide, with those who join; NULL: members */
    struct append append;           /* in and out */
    struct append_effect effect;    /* room for decide's one effect */
    struct inbox_seq i[LIMIT_MEMBERS + 1];
    struct notices notices;         /* out, with OK; without an event when append.is_duplicate */
    bool is_needless;               /* decide: it is so already; ends with OK and without notices */
    enum err refusal;               /* what decide said, while the key is looked for */
    uint32_t tries;
};

/* Starts p, zeroed but for its ins; it must live until asker is woken with OK or the error: ERR_NOT_FOUND for
 * non-members, what decide says, ERR_BUSY when the members change all the time, and store_append's. */
void post_start(struct post *p, struct op *asker);
/* Drops what p holds. */
void post_fini(struct post *p);
