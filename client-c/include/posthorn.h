/* include/posthorn.h - libposthorn: a client of a Posthorn server */
/*
 * One `struct posthorn` is one account on one server, with its state (session, cursor, outbox) in a
 * directory. It is used by one thread at a time. Nothing here installs signal handlers, starts threads
 * or prints.
 *
 *     struct posthorn_options o = { .server = "https://chat.example", .state_dir = "/home/a/.chat" };
 *     struct posthorn *p;
 *     if (posthorn_new(&o, &p) == POSTHORN_OK && posthorn_account_login(p, "alice", password, NULL) == POSTHORN_OK)
 *         posthorn_send(p, conversation, "hi", 2, NULL, NULL);    // kept on disk until the server answered
 *     while (posthorn_pending(p)) posthorn_wait(p, 1000);
 *     posthorn_free(&p);
 *
 * Two kinds of calls:
 *  - Those that ask the server and answer (posthorn_account_*, posthorn_conversation_*, ...): they wait, at
 *    most options.request_ms. Receiving and the outbox go on meanwhile, but no callback is called.
 *  - posthorn_send() and posthorn_listen() return at once; what becomes of them is told by callbacks, which
 *    are called from posthorn_step() and posthorn_wait() only. A callback may call everything except
 *    posthorn_step(), posthorn_wait() and posthorn_free().
 *
 * Strings that go in and out are UTF-8 and end with 0. Ids are decimal strings. Times are RFC 3339 UTC.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define POSTHORN_API __attribute__((visibility("default")))

struct pollfd;
struct posthorn;            /* a client */
struct posthorn_answer;     /* what an answer's arrays and strings live in */

/* How a call ended. The command line exits with the same numbers. */
enum posthorn_status {
    POSTHORN_OK = 0,
    POSTHORN_FAILED = 1,            /* own files, or an answer that makes no sense */
    POSTHORN_MISUSE = 2,            /* an argument out of its bounds; nothing was asked */
    POSTHORN_LOGGED_OUT = 3,        /* no session, or the server answered 401 */
    POSTHORN_NOT_FOUND = 4,
    POSTHORN_REFUSED = 5,           /* 403, and other 4xx */
    POSTHORN_CONFLICT = 6,          /* 409 */
    POSTHORN_RATE_LIMITED = 7,      /* 429 */
    POSTHORN_UNREACHABLE = 8,       /* no connection, TLS included */
    POSTHORN_TIMED_OUT = 9,
    POSTHORN_SERVER_FAILED = 10,    /* 5xx */
};

/* What went wrong, for people and programs. */
struct posthorn_problem {
    int http_status;        /* 0: it did not come from the server */
    char code[48];          /* the server's word ("key_reused"), or "network", "tls", "timeout", "state",
                             * "locked", "bad_answer", "misuse", "logged_out" */
    char detail[256];       /* one line */
    char field[64];         /* the field that the server blames, or "" */
    uint32_t retry_ms;      /* not sooner than this; 0: nothing was said */
};

enum posthorn_http { POSTHORN_HTTP_AUTO, POSTHORN_HTTP_1_1, POSTHORN_HTTP_2 };

struct posthorn_event {
    uint64_t i;                 /* number in the account's inbox; 0 in history */
    const char *type;           /* "message", "member", "conversation", "mark", ... */
    const char *conversation;   /* id; NULL: none */
    uint64_t seq;               /* place in the conversation; 0: none */
    const char *id, *from, *at, *key;   /* NULL: none */
    const char *text;           /* NULL: none; it may hold anything a person can send, control characters too */
    uint64_t reply_to;          /* seq; 0: none */
    const char *json;           /* the whole event on one line */
    const void *tree;           /* for posthorn_event_field() */
};

struct posthorn_account { const char *id, *handle, *name; };    /* name may be NULL */
struct posthorn_device { const char *id, *name, *platform, *seen_at; bool is_current; };
struct posthorn_member { const char *user, *handle, *role; };
struct posthorn_conversation {
    const char *id, *kind, *title, *role;   /* kind "direct" or "group"; title may be NULL */
    const char *peer, *peer_handle;         /* of a direct one: the other's id and handle; may be NULL */
    uint64_t members_count, last_seq, read_seq, unread;
    const char *last_text, *last_from;      /* of the last message; may be NULL */
};

struct posthorn_callbacks {
    /* An event, in order, each exactly once while the state directory lives (once more after a crash between
     * the call and the cursor's write). The cursor is written after the callback has returned. */
    void (*on_event)(void *context, const struct posthorn_event *e);
    /* A message of the outbox was stored (key, id, seq, at as in the event that everybody gets). */
    void (*on_sent)(void *context, const char *key, const char *conversation, const char *id, uint64_t seq);
    /* A message was refused for good and left the outbox. text is the body that was sent, as JSON. */
    void (*on_refused)(void *context, const char *key, const char *conversation,
                       const struct posthorn_problem *why);
    /* The cursor can't be continued (too old, or the database was restored): events after the last one are
     * missing. The new cursor comes with this snapshot; read what is needed by posthorn_history(). */
    void (*on_resync)(void *context, const struct posthorn_conversation *at, size_t count);
    /* The way to the server: true after an answer, false after a failure. Called on changes only. */
    void (*on_online)(void *context, bool is_online, const struct posthorn_problem *why);
    void *context;
};

struct posthorn_options {
    const char *server;         /* "https://host[:port]", or "http://..." for cleartext */
    const char *ca_file;        /* PEM; NULL: the system's */
    const char *state_dir;      /* made if missing, 0700; NULL: nothing is kept (no outbox, no session) */
    enum posthorn_http http;
    uint32_t connect_ms;        /* not used yet: 0 */
    uint32_t request_ms;        /* of one call; 0: 30,000 */
    uint32_t poll_s;            /* a long poll waits this long, 1..55; 0: 25 */
    struct posthorn_callbacks on;
};

/* Makes a client; no connection yet. Options are copied. MISUSE: bad address; FAILED: the state directory
 * or the CA file. On failure *p is NULL and *why (may be NULL) says why. */
POSTHORN_API enum posthorn_status posthorn_new(const struct posthorn_options *o, struct posthorn **p,
                                               struct posthorn_problem *why);
/* Ends connections and frees all; what is in the outbox stays on disk. */
POSTHORN_API void posthorn_free(struct posthorn **p);
/* Why the last call did not answer POSTHORN_OK. */
POSTHORN_API const struct posthorn_problem *posthorn_why(const struct posthorn *p);
/* Of this library, "0.1.0". */
POSTHORN_API const char *posthorn_version(void);
/* The HTTP version of the last connection: "2", "1.1", or "" before the first. */
POSTHORN_API const char *posthorn_http_version(const struct posthorn *p);

/* ---- for the program's own loop: wait for the descriptors or the timeout, then step ---- */

/* Moves everything on without waiting (but for the system's resolver) and calls callbacks. */
POSTHORN_API void posthorn_step(struct posthorn *p);
/* Descriptors to poll() for; at most room of them (8 are always enough); answers how many. */
POSTHORN_API size_t posthorn_fds(const struct posthorn *p, struct pollfd *at, size_t room);
/* posthorn_step() is due in so many ms, whatever the descriptors say; -1: only by them. */
POSTHORN_API int posthorn_timeout_ms(const struct posthorn *p);
/* Waits until something happened, at most wait_ms, and steps. */
POSTHORN_API void posthorn_wait(struct posthorn *p, uint32_t wait_ms);

/* ---- account and session ---- */

/* Makes an account; it is not logged in by that. CONFLICT: the handle is taken. */
POSTHORN_API enum posthorn_status posthorn_account_register(struct posthorn *p, const char *handle,
                                                            const char *password, const char *name);
/* Opens a session, kept in the state directory. device: the name that others of the account see for this
 * device; NULL: the machine's name. */
POSTHORN_API enum posthorn_status posthorn_account_login(struct posthorn *p, const char *handle,
                                                         const char *password, const char *device);
/* Ends the session at the server and forgets it here; the outbox must be empty or is dropped. */
POSTHORN_API enum posthorn_status posthorn_account_logout(struct posthorn *p);
/* The session's account; false: none. Strings live as long as the session. */
POSTHORN_API bool posthorn_account_me(const struct posthorn *p, struct posthorn_account *me);
/* Asks the server who we are: tests the token. */
POSTHORN_API enum posthorn_status posthorn_account_check(struct posthorn *p, struct posthorn_answer **a,
                                                         struct posthorn_account *me);
POSTHORN_API enum posthorn_status posthorn_user_find(struct posthorn *p, const char *handle,
                                                     struct posthorn_answer **a, struct posthorn_account *user);
POSTHORN_API enum posthorn_status posthorn_user_get(struct posthorn *p, const char *id,
                                                    struct posthorn_answer **a, struct posthorn_account *user);
POSTHORN_API enum posthorn_status posthorn_device_list(struct posthorn *p, struct posthorn_answer **a,
                                                       const struct posthorn_device **at, size_t *count);
POSTHORN_API enum posthorn_status posthorn_device_revoke(struct posthorn *p, const char *device);

/* ---- conversations ---- */

/* All of them (pages are followed). */
POSTHORN_API enum posthorn_status posthorn_conversation_list(struct posthorn *p, struct posthorn_answer **a,
                                                             const struct posthorn_conversation **at,
                                                             size_t *count);
/* Opens, or finds again, the direct conversation with a user. id: room for 24 bytes. */
POSTHORN_API enum posthorn_status posthorn_conversation_direct(struct posthorn *p, const char *user,
                                                               char id[24]);
/* Makes a group of up to 99 others. */
POSTHORN_API enum posthorn_status posthorn_conversation_group(struct posthorn *p, const char *title,
                                                              const char *const *users, size_t count,
                                                              char id[24]);
POSTHORN_API enum posthorn_status posthorn_conversation_get(struct posthorn *p, const char *id,
                                                            struct posthorn_answer **a,
                                                            struct posthorn_conversation *c);
POSTHORN_API enum posthorn_status posthorn_conversation_rename(struct posthorn *p, const char *id,
                                                               const char *title);
POSTHORN_API enum posthorn_status posthorn_member_list(struct posthorn *p, const char *conversation,
                                                       struct posthorn_answer **a,
                                                       const struct posthorn_member **at, size_t *count);
/* Adds a member or changes the role: "owner", "admin" or "member". */
POSTHORN_API enum posthorn_status posthorn_member_put(struct posthorn *p, const char *conversation,
                                                      const char *user, const char *role);
/* Removes a member; the own id: leaves. */
POSTHORN_API enum posthorn_status posthorn_member_remove(struct posthorn *p, const char *conversation,
                                                         const char *user);

/* ---- messages ---- */

struct posthorn_send_options { uint64_t reply_to; /* seq; 0: none */ };

/* Puts a message of 1..16384 bytes into the outbox: on disk when this returns OK, then sent in the order of
 * the calls (per conversation), again and again until the server answered. key, if not NULL, gets its key
 * (room for 27 bytes). LOGGED_OUT, MISUSE (bounds, not UTF-8), FAILED (disk, or 10,000 messages wait). */
POSTHORN_API enum posthorn_status posthorn_send(struct posthorn *p, const char *conversation, const char *text,
                                                size_t text_bytes, const struct posthorn_send_options *o,
                                                char *key);
/* How many messages have no answer yet. */
POSTHORN_API size_t posthorn_pending(const struct posthorn *p);
/* The waiting message number n, 0 the oldest; false: there is none. Strings live until the next call. */
POSTHORN_API bool posthorn_pending_at(const struct posthorn *p, size_t n, const char **key,
                                      const char **conversation, const char **body_json);
/* Starts or stops receiving. FAILED with code "locked": another process receives with this state directory.
 * LOGGED_OUT: no session. */
POSTHORN_API enum posthorn_status posthorn_listen(struct posthorn *p, bool on);
/* Up to limit (1..200) events of a conversation, oldest first: those before seq `before` (0: the newest),
 * or, with after != 0, those after seq `after`. */
POSTHORN_API enum posthorn_status posthorn_history(struct posthorn *p, const char *conversation, uint64_t before,
                                                   uint64_t after, unsigned limit, struct posthorn_answer **a,
                                                   const struct posthorn_event **at, size_t *count);
/* Marks everything up to seq as read. */
POSTHORN_API enum posthorn_status posthorn_mark_read(struct posthorn *p, const char *conversation, uint64_t seq);

/* ---- answers ---- */

/* The answer's body as JSON on one line. */
POSTHORN_API const char *posthorn_answer_json(const struct posthorn_answer *a);
/* NULL is allowed. */
POSTHORN_API void posthorn_answer_free(struct posthorn_answer **a);
/* A member of the event that struct posthorn_event does not name, if it is a string; else NULL. */
POSTHORN_API const char *posthorn_event_field(const struct posthorn_event *e, const char *name);
/* Any request: the way to what has no function here. body_json may be NULL. */
POSTHORN_API enum posthorn_status posthorn_call(struct posthorn *p, const char *method, const char *path,
                                                const char *body_json, struct posthorn_answer **a);

#ifdef __cplusplus
}
#endif
