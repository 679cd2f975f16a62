/* include/posthorn_types.h - what goes into libposthorn and comes out of it */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* How events come. AUTO: the first of WebSocket, SSE, long polling, polling that works from here; the better
 * ones are tried again now and then, and taken without missing or repeating an event. PUSH: as pushed
 * responses of HTTP/2; only when asked for. */
enum posthorn_transport {
    POSTHORN_TRANSPORT_AUTO,
    POSTHORN_TRANSPORT_WS,
    POSTHORN_TRANSPORT_SSE,
    POSTHORN_TRANSPORT_PUSH,
    POSTHORN_TRANSPORT_LONGPOLL,
    POSTHORN_TRANSPORT_POLL,
};

/* What posthorn_probe() found out about one way. */
struct posthorn_probe {
    bool works;
    uint32_t took_ms;           /* until it worked, or did not */
    char http[4];               /* the version that was spoken: "2", "1.1", or "" */
    char path[120];             /* "direct", or through which proxy */
    struct posthorn_problem why;    /* when it does not work, in words that a person understands */
};

struct posthorn_event {
    uint64_t i;                 /* number in the account's inbox; 0 in history */
    const char *type;           /* "message", "member", "conversation", "mark", ... */
    const char *conversation;   /* id; NULL: none */
    uint64_t seq;               /* place in the conversation; 0: none */
    const char *id, *from, *at, *key;   /* NULL: none */
    const char *text;           /* NULL: none; anything a person can send, control characters too */
    uint64_t reply_to;          /* seq; 0: none */
    const char *json;           /* the whole event on one line */
    const void *tree;           /* for posthorn_event_field() */
};

struct posthorn_account { const char *id, *handle, *name; };    /* name may be NULL */
struct posthorn_device { const char *id, *name, *platform, *seen_at; bool is_current; };
struct posthorn_node { const char *url, *region; uint64_t load; bool is_in_use; };   /* load: of 1000 */
struct posthorn_member { const char *user, *role; };
struct posthorn_conversation {
    const char *id, *kind, *title, *role;   /* kind "direct" or "group"; title may be NULL */
    const char *peer;                       /* of a direct one: the other's user id; else NULL */
    uint64_t members_count, last_seq, read_seq, unread;
    const char *last_text, *last_from;      /* of the last message; may be NULL */
};

struct posthorn_callbacks {
    /* An event, in order, each exactly once while the state directory lives (after a crash
     * those that came with the last poll may come once more: the cursor is written after they were handed
     * on). A callback that calls posthorn_listen(p, false) gets no further event; the rest waits. */
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
    /* The way in use has changed: way is posthorn_way()'s words, why is NULL. Or one was tried in vain, has
     * ended or was moved: why says so in words, way is the one that it is about. */
    void (*on_way)(void *context, const char *way, const char *why);
    /* Somebody is writing something in a conversation: true for some 6 s, or until their message comes. May be
     * missed, and tells of this account's other devices, too. */
    void (*on_typing)(void *context, const char *conversation, const char *user);
    void *context;
};

struct posthorn_options {
    const char *server;         /* "https://host[:port]", or "http://..." for cleartext */
    const char *ca_file;        /* PEM; NULL: the system's */
    const char *state_dir;      /* made if missing, 0700; NULL: nothing is kept (no outbox, no session) */
    enum posthorn_http http;
    enum posthorn_transport transport;
    const char *proxy;          /* "http://[user:password@]host:port"; "": none; NULL: what HTTPS_PROXY, ALL_PROXY
                                 * and NO_PROXY say */
    bool stays;                 /* only ever connects to `server`; else also to the nodes that it names (/v1/discover),
                                 * when one of them drains or can't be reached */
    uint32_t request_ms;        /* of one call; 0: 30,000 */
    uint32_t poll_s;            /* a long poll waits this long, 1..55; 0: 25 */
    struct posthorn_callbacks on;
};
