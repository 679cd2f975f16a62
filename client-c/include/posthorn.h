/* include/posthorn.h - libposthorn: a client of a Posthorn server */
/*
 * One `struct posthorn` is one account on one server, with its state (session, cursor, outbox) in a
 * directory. It is used by one thread at a time. Nothing here installs signal handlers, starts threads
 * or prints.
 *
 *     struct posthorn_options o = { .server = "https://chat.example", .state_dir = "/home/a/.chat" };
 *     struct posthorn *p;
 *     if (posthorn_new(&o, &p, NULL) == POSTHORN_OK &&
 *         posthorn_account_login(p, "alice", password, NULL) == POSTHORN_OK)
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
#include "posthorn_types.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct pollfd;
struct posthorn;            /* a client */

/* Makes a client; no connection yet. Options are copied. MISUSE: bad address; FAILED: the state directory
 * or the CA file. On failure *p is NULL and *why (may be NULL) says why. */
enum posthorn_status posthorn_new(const struct posthorn_options *o, struct posthorn **p,
                                  struct posthorn_problem *why);
/* Ends connections and frees all; what is in the outbox stays on disk. */
void posthorn_free(struct posthorn **p);
/* Why the last call did not answer POSTHORN_OK. */
const struct posthorn_problem *posthorn_why(const struct posthorn *p);
/* Of this library, "0.1.0". */
const char *posthorn_version(void);
/* The HTTP version of the last connection: "2", "1.1", or "" before the first. */
const char *posthorn_http_version(const struct posthorn *p);

/* ---- for the program's own loop: wait for the descriptors or the timeout, then step ---- */

/* Moves everything on without waiting (but for the system's resolver) and calls callbacks. */
void posthorn_step(struct posthorn *p);
/* Descriptors to poll() for; at most room of them (8 are always enough); answers how many. */
size_t posthorn_fds(const struct posthorn *p, struct pollfd *at, size_t room);
/* posthorn_step() is due in so many ms, whatever the descriptors say; -1: only by them. */
int posthorn_timeout_ms(const struct posthorn *p);
/* Waits until something happened, at most wait_ms, and steps. */
void posthorn_wait(struct posthorn *p, uint32_t wait_ms);

/* The nodes that the server names, best first (GET /v1/discover). They are kept in the state directory: when the
 * one in use drains, dies or falls silent the next one is gone to, at last the address of the options. Asked for
 * by login and by receiving and sending now and then, too. is_in_use: where requests go from now on. */
enum posthorn_status posthorn_nodes(struct posthorn *p, struct posthorn_answer **a, const struct posthorn_node **at,
                                    size_t *count);

/* ---- account and session ---- */

/* Makes an account; it is not logged in by that. CONFLICT: the handle is taken. */
enum posthorn_status posthorn_account_register(struct posthorn *p, const char *handle, const char *password,
                                               const char *name);
/* Opens a session, kept in the state directory. device: the name that others of the account see for this
 * device; NULL: the machine's name. */
enum posthorn_status posthorn_account_login(struct posthorn *p, const char *handle, const char *password,
                                            const char *device);
/* Ends the session at the server and forgets it here; the outbox must be empty or is dropped. */
enum posthorn_status posthorn_account_logout(struct posthorn *p);
/* The session's account; false: none. Strings live as long as the session. */
bool posthorn_account_me(const struct posthorn *p, struct posthorn_account *me);
/* Asks the server who we are: tests the token. */
enum posthorn_status posthorn_account_check(struct posthorn *p, struct posthorn_answer **a,
                                            struct posthorn_account *me);
enum posthorn_status posthorn_user_find(struct posthorn *p, const char *handle, struct posthorn_answer **a,
                                        struct posthorn_account *user);
enum posthorn_status posthorn_user_get(struct posthorn *p, const char *id, struct posthorn_answer **a,
                                       struct posthorn_account *user);
enum posthorn_status posthorn_device_list(struct posthorn *p, struct posthorn_answer **a,
                                          const struct posthorn_device **at, size_t *count);
enum posthorn_status posthorn_device_revoke(struct posthorn *p, const char *device);

/* ---- conversations ---- */

/* All of them (pages are followed). */
enum posthorn_status posthorn_conversation_list(struct posthorn *p, struct posthorn_answer **a,
                                                const struct posthorn_conversation **at, size_t *count);
/* Opens, or finds again, the direct conversation with a user. id: room for 24 bytes. */
enum posthorn_status posthorn_conversation_direct(struct posthorn *p, const char *user, char id[24]);
/* Makes a group of up to 99 others. */
enum posthorn_status posthorn_conversation_group(struct posthorn *p, const char *title,
                                                 const char *const *users, size_t count, char id[24]);
enum posthorn_status posthorn_conversation_get(struct posthorn *p, const char *id, struct posthorn_answer **a,
                                               struct posthorn_conversation *c);
enum posthorn_status posthorn_conversation_rename(struct posthorn *p, const char *id, const char *title);
enum posthorn_status posthorn_member_list(struct posthorn *p, const char *conversation,
                                          struct posthorn_answer **a, const struct posthorn_member **at,
                                          size_t *count);
/* Adds a member or changes the role: "owner", "admin" or "member". */
enum posthorn_status posthorn_member_put(struct posthorn *p, const char *conversation, const char *user,
                                         const char *role);
/* Removes a member; the own id: leaves. */
enum posthorn_status posthorn_member_remove(struct posthorn *p, const char *conversation, const char *user);

/* ---- messages ---- */

struct posthorn_send_options { uint64_t reply_to; /* seq; 0: none */ };

/* Puts a message of 1..16384 bytes into the outbox: on disk when this returns OK, then sent in the order of
 * the calls (per conversation), again and again until the server answered. key, if not NULL, gets its key
 * (room for 27 bytes). LOGGED_OUT, MISUSE (bounds, not UTF-8), FAILED (disk, or 10,000 messages wait). */
enum posthorn_status posthorn_send(struct posthorn *p, const char *conversation, const char *text,
                                   size_t text_bytes, const struct posthorn_send_options *o, char *key);
/* How many messages have no answer yet. */
size_t posthorn_pending(const struct posthorn *p);
/* The waiting message number n, 0 the oldest; false: there is none. Strings live until the next call. */
bool posthorn_pending_at(const struct posthorn *p, size_t n, const char **key, const char **conversation,
                         const char **body_json);
/* Starts or stops receiving. FAILED with code "locked": another process receives with this state directory.
 * LOGGED_OUT: no session. */
enum posthorn_status posthorn_listen(struct posthorn *p, bool on);
/* Receives in another way from now on. The one in use is left when the new one works, so nothing is missed
 * and nothing comes twice. MISUSE: pushed responses over HTTP/1.1. */
enum posthorn_status posthorn_set_transport(struct posthorn *p, enum posthorn_transport transport,
                                            enum posthorn_http http);
/* The way in use, in words: "WebSocket over HTTP/2, direct"; "": none works just now, or nobody listens. */
const char *posthorn_way(const struct posthorn *p);
/* Finds out whether a way works from here (at most 30 s), beside what is in use. OK: *result says it.
 * LOGGED_OUT: no session to try it with; MISUSE: AUTO is not a way. */
enum posthorn_status posthorn_probe(struct posthorn *p, enum posthorn_transport transport,
                                    enum posthorn_http http, struct posthorn_probe *result);
/* Up to limit (1..200) events of a conversation, oldest first: those before the message with the id `before`,
 * or those after `after`, or (both NULL) the newest. */
enum posthorn_status posthorn_history(struct posthorn *p, const char *conversation, const char *before,
                                      const char *after, unsigned limit, struct posthorn_answer **a,
                                      const struct posthorn_event **at, size_t *count);
/* Marks everything up to seq as read. */
enum posthorn_status posthorn_mark_read(struct posthorn *p, const char *conversation, uint64_t seq);

/* ---- answers ---- */

/* The answer's body as JSON on one line. */
const char *posthorn_answer_json(const struct posthorn_answer *a);
/* NULL is allowed. */
void posthorn_answer_free(struct posthorn_answer **a);
/* A member of the event that struct posthorn_event does not name, if it is a string; else NULL. */
const char *posthorn_event_field(const struct posthorn_event *e, const char *name);
/* Any request: the way to what has no function here. body_json may be NULL. */
enum posthorn_status posthorn_call(struct posthorn *p, const char *method, const char *path,
                                   const char *body_json, struct posthorn_answer **a);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
