/* lib/discovery.h - GET /v1/discover: asked after a login and after each move, and now and then */
#pragma once
#include "lib/client.h"

enum { DISCOVERY_ANSWER_MS = 10 * 1000 };

/* Asks when it is time and the server is there anyway. */
void discovery_step(struct posthorn *p, uint64_t now_ms);
/* After a login: the next list is asked for at once, and followed. */
void discovery_renew(struct posthorn *p);
/* Another node came into use: requests go there, and the way in use follows. */
void discovery_follow(struct posthorn *p);
/* Asks at once and waits for it, at most DISCOVERY_ANSWER_MS; a may be NULL. */
enum posthorn_status discovery_ask(struct posthorn *p, struct posthorn_answer **a);
/* Writes down which node is in use, if that is news: the next run begins there. */
void discovery_keep(struct posthorn *p);
/* Takes back the question under way. */
void discovery_forget(struct posthorn *p);
