/* limits.h - every bound of the program, with its reason */
#pragma once

enum {
    /* what people write */
    LIMIT_MESSAGE_TEXT_BYTES = 16 * 1024,   /* fits a frame and an inbox page with room to spare */
    LIMIT_TITLE_BYTES = 256,
    LIMIT_NAME_BYTES = 128,
    LIMIT_HANDLE_BYTES = 64,                /* after NFKC and case fold */
    LIMIT_PASSWORD_BYTES_MIN = 8,
    LIMIT_PASSWORD_BYTES = 128,             /* checked before hashing */
    LIMIT_MEMBERS = 100,                    /* the product's promise */
    LIMIT_DEVICES = 10,                     /* of an account */
    LIMIT_GROUPS = 1000,                    /* of an account */

    /* requests */
    LIMIT_JSON_BYTES = 64 * 1024,           /* a body; media go another way */
    LIMIT_JSON_DEPTH = 16,
    LIMIT_HEAD_BYTES = 16 * 1024,           /* request line and fields; nghttp2 does not enforce its own */
    LIMIT_HEAD_FIELDS = 64,
    LIMIT_TARGET_BYTES = 2048,
    LIMIT_SOCKET_BYTES = 128 * 1024,        /* a WebSocket message: a body and its envelope */
    LIMIT_SOCKET_FRAGMENTS = 64,            /* of one message */
    LIMIT_SOCKET_CALLS = 32,                /* verbs of one WebSocket under way; then its input waits */
    LIMIT_TUNNEL_EARLY_BYTES = 64 * 1024,   /* of a WebSocket before it is accepted: HTTP/2's first window */
    LIMIT_PROMISES = 8,                     /* pushed responses of one connection under way */
    LIMIT_STREAMS = 100,                    /* of one HTTP/2 connection */

    /* receiving */
    LIMIT_EVENTS = 500,                     /* in one answer */
    LIMIT_EVENTS_DEFAULT = 200,
    LIMIT_EVENTS_ANSWER_BYTES = 512 * 1024, /* an answer is cut between events, "more" says so */
    LIMIT_WAIT_S = 55,                      /* below the common 60 s of proxies */
    LIMIT_STREAM_EVENTS = 200,              /* in one batch of a stream of events */
    LIMIT_STREAM_BYTES = 64 * 1024,         /* bodies in one batch of a stream */
    LIMIT_TAIL_EVENTS = 64,                 /* a user's newest events, at hand without a read */
    LIMIT_TAIL_MS = 5000,                   /* and for how long after the newest of them, or after the last
                                             * watcher left: a poll comes back within that */
    LIMIT_TAILS_BYTES = 32 * 1024 * 1024,   /* of all users, signals included; then the oldest go */
    LIMIT_KNOWN_MS = 5000,                  /* a reading said what a user's newest event is: for how long that
                                             * and the notices since are believed without another */
    LIMIT_SIGNALS = 64,                     /* a user's newest signals, kept as long as the newest events are */
    LIMIT_SIGNALS_UNSENT_BYTES = 16 * 1024, /* of a stream, then it gets no signals: they never fill it up */
    LIMIT_CHANNELS = 4,                     /* of one device at once: a new way is open before the old one ends */
    LIMIT_HISTORY = 200,
    LIMIT_HISTORY_DEFAULT = 50,
    LIMIT_SNAPSHOT = 200,
    LIMIT_SNAPSHOT_DEFAULT = 50,

    /* waiting, in milliseconds */
    LIMIT_HANDSHAKE_MS = 5 * 1000,
    LIMIT_HANDSHAKES = 8,                   /* steps of TLS handshakes in one turn of the loop, 0.3 ms each: a
                                             * storm of them does not hold up who is there already */
    LIMIT_HEAD_MS = 10 * 1000,              /* from the first byte of a request to the end of its head */
    LIMIT_BODY_MS = 10 * 1000,              /* for 64 KiB */
    LIMIT_IDLE_MS = 60 * 1000,              /* a connection without a request */
    LIMIT_UNAUTHENTICATED_MS = 20 * 1000,   /* without one request that had a valid token or was public */
    LIMIT_WRITE_STALL_MS = 30 * 1000,       /* pending bytes and no progress */
    LIMIT_REQUEST_MS = 70 * 1000,           /* an exchange without an answer: longer than any wait */
    LIMIT_HEARTBEAT_MS = 15 * 1000,         /* silence of a stream of events before it says that it lives */
    LIMIT_SOCKET_QUIET_MS = 60 * 1000,      /* a WebSocket whose peer does not even answer pings */
    LIMIT_PUSH_ACK_MS = 10 * 1000,          /* from a promise to the acknowledgement of the ping behind it */
    LIMIT_STORE_MS = 5 * 1000,              /* a read or a commit, queueing included */

    /* keys */
    LIMIT_KEY_WINDOW_DAYS = 7,
    LIMIT_KEY_AHEAD_MS = 24 * 60 * 60 * 1000,

    /* memory and queues */
    LIMIT_OUT_BYTES = 256 * 1024,           /* unsent on one connection before HTTP/2 stops producing */
    LIMIT_UNSENT_BYTES = 64 * 1024,         /* of one stream of events before nothing more is read for it */
    LIMIT_UNSENT_WORKER_BYTES = 256 * 1024 * 1024,  /* of all: 4,000 receivers that are behind by all they may */
    LIMIT_APPENDS_QUEUED = 16 * 1024,       /* waiting for a commit lane, then ERR_BUSY */
    LIMIT_READS_QUEUED = 4096,              /* waiting for a read lane, then ERR_BUSY */
    LIMIT_OFFLOAD_JOBS = 64,                /* passwords waiting to be hashed: 64 * 70 ms / 2 threads */
    LIMIT_OFFLOAD_THREADS = 2,
    LIMIT_SESSIONS_CACHED = 100 * 1000,
    LIMIT_CONVERSATIONS_CACHED = 50 * 1000,

    /* among other nodes */
    LIMIT_REGISTERED = 1000 * 1000,         /* users whom one node is home to and who are here: 100 bytes each */
    LIMIT_REGISTER_MS = 1000,               /* for home's answer; then reading begins without it, and is checked */
    LIMIT_REGISTRATIONS_TURN = 2000,        /* said in one turn: a new table does not make a turn long */
    LIMIT_CHECK_MS = 30 * 1000,             /* what was delivered is compared with home once in that time, */
    LIMIT_CHECK_ROUNDS = 10,                /* and with Postgres in each tenth round; */
    LIMIT_UNSURE_MS = 5 * 1000,             /* and this often while home can't be asked */
    LIMIT_HEADS = 1000,                     /* mailboxes in one question to Postgres */
    LIMIT_INHERIT_MS = 10 * 1000,           /* what a node wrote so long before its death is told again */
    LIMIT_INHERITED = 50 * 1000,            /* places of it; with more, everybody checks */
    LIMIT_HOPS = 2,                         /* of a notice, a signal or a send */
    LIMIT_FORWARD_MS = 2000,                /* for the answer to a send that was handed on; then it is committed here */
    LIMIT_FORWARDED = 8 * 1024,             /* sends under way to others */

    /* links between nodes */
    LIMIT_LINK_CONNECT_MS = 2000,           /* until a dialled peer has said yes: as long as a lease is behind by */
    LIMIT_LINK_PING_MS = 500,               /* of having said nothing before a ping is said */
    LIMIT_LINK_SILENT_MS = 1500,            /* of having heard nothing, three pings: broken */
    LIMIT_LINK_UNACKNOWLEDGED_BYTES = 4 * 1024 * 1024,  /* kept for one peer: then it hears that something is lost */
    LIMIT_LINK_STRANGERS = 64,              /* streams that have not said who they are: a turn's dialling of all peers */

    /* how long things live */
    LIMIT_INBOX_DAYS = 60,
    LIMIT_TOKEN_IDLE_DAYS = 30,
    LIMIT_TOKEN_DAYS = 180,
};
