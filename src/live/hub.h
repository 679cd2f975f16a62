/* live/hub.h - who is here now, of which user, and the newest of what came for them: events, signals */
#pragma once
#include "base/blob.h"
#include "base/err.h"
#include "base/loop.h"
#include "limits.h"
#include "model/cursor.h"
#include "model/id.h"

struct hub;
struct hub_user;

enum hub_kind { HUB_POLL, HUB_STREAM };

/* Somebody who waits for news of a user; the struct stays its owner's. Both functions only take note: they
 * must not call the hub. */
struct hub_watcher {
    struct user_id user;
    struct device_id device;
    enum hub_kind kind;
    void (*news)(struct hub_watcher *w);                    /* hub_newest() has grown, or there is a signal */
    void (*end)(struct hub_watcher *w, enum err why);       /* it should go: see hub_watch() */

    /* The hub's own; zero before hub_watch(). */
    struct hub_user *at;
    struct hub_watcher *next, **link;
    uint64_t signal;                /* the number of the next one that is new to it */
};

struct hub *hub_new(struct loop *l);
void hub_free(struct hub **h);          /* nobody may be watching */
uint32_t hub_count(const struct hub *h);                    /* watchers */

/* Registers w: from here on it hears of its user. It registers before it reads the inbox, so that nothing falls
 * between the reading and the waiting. Those of the same device that are too many end with ERR_WAIT_OVER: a
 * poll ends an earlier poll, and a device's oldest ends when there are more than LIMIT_CHANNELS.
 * end() also comes with ERR_UNAUTHORIZED (the device was revoked), ERR_DRAINING, ERR_RESYNC; perhaps twice. */
void hub_watch(struct hub *h, struct hub_watcher *w);
/* Takes w out; twice is fine. */
void hub_unwatch(struct hub *h, struct hub_watcher *w);

/* After a commit: user's inbox has encoded at i (without "i"; not taken). */
void hub_notice(struct hub *h, struct user_id user, struct inbox_seq i, struct blob *encoded);
/* The newest place that was noticed while the user was known here; 0: none. */
struct inbox_seq hub_newest(const struct hub_watcher *w);
/* What stands there, borrowed until the next call of the hub; NULL: read it. */
const struct blob *hub_event(const struct hub_watcher *w, struct inbox_seq i);

/* A reading that began while w was registered found this to be the newest place of its user. doubts: how many
 * reasons there had been by its beginning to think that something was committed without a notice. */
void hub_was_read(struct hub *h, const struct hub_watcher *w, struct cursor newest, uint64_t doubts);
/* Whether at is the newest place of w's user, by a reading of the last LIMIT_KNOWN_MS and every notice since, and
 * no new doubt: nothing is to be read. False: perhaps. */
bool hub_is_newest(const struct hub *h, const struct hub_watcher *w, struct cursor at, uint64_t doubts);

/* A signal for user, sent by device from (not taken): never stored, for whoever watches, but not for from. A device
 * whose poll was answered finds it when it is back within LIMIT_TAIL_MS; nobody else does. */
void hub_signal(struct hub *h, struct user_id user, struct device_id from, struct blob *encoded);
/* Whether there are signals that w has not taken. */
bool hub_has_signals(const struct hub_watcher *w);
/* Takes them into[LIMIT_SIGNALS], oldest first, borrowed until the next call of the hub; how many. */
uint32_t hub_take_signals(struct hub *h, struct hub_watcher *w, const struct blob **into);
/* The same for a device that does not wait: it is away from then on. None while nobody else of its user is here: who
 * only polls is not kept. */
uint32_t hub_pass(struct hub *h, struct user_id user, struct device_id device, const struct blob **into);
/* w has no room: what it has not taken is dropped for it. */
void hub_skip_signals(struct hub *h, struct hub_watcher *w);
/* Signals that watchers did not get: skipped, or gone before they were taken. */
uint64_t hub_signals_dropped(const struct hub *h);

/* Among other nodes. Alone (as it begins), every user is settled at once, and none is told of here. No longer alone, all
 * who are known count as entered, and are not settled. */
void hub_set_alone(struct hub *h, bool is_alone);
/* Users who became known here, or are not any more, since the last call: at most room of them, how many. Whoever left
 * and entered again meanwhile is told of in both; take those who left first. */
uint32_t hub_take_left(struct hub *h, struct user_id *into, uint32_t room);
uint32_t hub_take_entered(struct hub *h, struct user_id *into, uint32_t room);
/* The user's home knows that somebody is here (or can't be asked): from now on notices come, so reading may begin. */
void hub_settle(struct hub *h, struct user_id user);
bool hub_is_settled(const struct hub_watcher *w);
/* Notices may have been missed: what was read of the user proves nothing any more. */
void hub_doubt(struct hub *h, struct user_id user);
/* The user's inbox is said to reach to i: a notice without its event. False: the user is not known here. */
bool hub_head(struct hub *h, struct user_id user, struct inbox_seq i);
/* The newest place known of, by notices and readings; 0: none, or the user is not known here. */
struct inbox_seq hub_known(const struct hub *h, struct user_id user);
bool hub_has(const struct hub *h, struct user_id user);

/* The device was revoked. */
void hub_revoke(struct hub *h, struct user_id user, struct device_id device);
/* Drain: channels of one part of the users end, part < parts, so that not all of them move at the same moment. */
void hub_end(struct hub *h, uint32_t part, uint32_t parts);
/* The timeline is another one: everything at hand is void, and every cursor out there. */
void hub_resync(struct hub *h);
