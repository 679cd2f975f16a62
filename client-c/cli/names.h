/* cli/names.h - people and conversations by the names that people use */
#pragma once
#include "posthorn.h"

struct names;

/* dir: where direct conversations are remembered (a file "names"), so that a message to a known handle can be
 * kept while the server is away. */
struct names *names_new(struct posthorn *client, const char *dir);
void names_free(struct names **n);
/* The handle of a user id; asks the server once. The id itself (the caller's own string) when it can't be
 * found out now. NULL gives "?". Lives as long as n. */
const char *names_handle(struct names *n, const char *user);
/* What to call a conversation: "@alice" or a group's title; asks the server once. Lives as long as n, or
 * until the conversation's title changes. */
const char *names_conversation(struct names *n, const char *conversation);
/* Whether names_conversation() is a group. */
bool names_is_group(struct names *n, const char *conversation);
/* Forgets a conversation: its title or members changed. */
void names_forget(struct names *n, const char *conversation);
/* The user id of "alice" or "@alice" (also of digits, which can be a handle only with @). */
enum posthorn_status names_user(struct names *n, const char *typed, char id[24]);
/* The conversation meant: an id, @handle, handle (opened if there is none yet), or the title of one group.
 * CONFLICT: several groups have that title. On failure detail says why, if the client's own words do not. */
enum posthorn_status names_target(struct names *n, const char *typed, char id[24], const char **detail);
/* The same, but of groups only: an id or a title. */
enum posthorn_status names_group(struct names *n, const char *typed, char id[24], const char **detail);
