/* unit/api/desk.h - asks an api without a net, and looks at what it answers */
#pragma once
#include "api/api.h"
#include "fake/chat.h"
#include "fake/net.h"

/* Ada and Bob are in the group, Cyd is not; each has a session. */
enum { A, B, C, PEOPLE };

struct world {
    struct fake_chat f;
    struct api api;
    struct user_id who[PEOPLE];
    char token[PEOPLE][SESSIONS_TOKEN_TEXT + 1];
    struct conversation_id group;
    char bearer[SESSIONS_TOKEN_TEXT + 16], path[256], body[512], expected[64];
    struct exchange x;
};

/* CMocka's; *state is a struct world. */
int desk_setup(void **state);
int desk_teardown(void **state);
/* Makes a request of who (-1: nobody) ready in w->x; body NULL: none. */
void desk_prepare(struct world *w, int who, enum method method, const char *target, const char *body);
/* Asks it, waits for the answer, returns its status. */
int desk_ask_prepared(struct world *w);
int desk_ask(struct world *w, int who, enum method method, const char *target, const char *body);
/* Ada says something in the group. */
void desk_send(struct world *w, unsigned number, const char *text);
/* The answer holds part; is this problem, about this field (NULL: not looked at). */
void desk_says(struct world *w, const char *part);
void desk_refused(struct world *w, int status, const char *code, const char *field);
/* A path in the group; the body of a message whose key ends in number. Until the next call. */
const char *desk_in_group(struct world *w, const char *rest);
const char *desk_message(struct world *w, unsigned number, const char *text);
