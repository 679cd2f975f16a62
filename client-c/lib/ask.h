/* lib/ask.h - one request, waited for: what the calls of posthorn.h that answer are made of */
#pragma once
#include "lib/client.h"

/* Asks and waits, at most p->request_ms. OK: *a (if a is not NULL) is the answer, the caller's. Else *a is
 * NULL and p->why says why. */
enum posthorn_status ask_server(struct posthorn *p, const char *method, const char *path, const char *body,
                                struct posthorn_answer **a);
/* The same with a session; LOGGED_OUT without one. */
enum posthorn_status ask_as_me(struct posthorn *p, const char *method, const char *path, const char *body,
                               struct posthorn_answer **a);
/* After an answer that lacks what it promised. Frees *a. */
enum posthorn_status ask_bad_answer(struct posthorn *p, struct posthorn_answer **a);
/* A path with an id in it; NULL: not an id. A string of the caller's. id2 may be NULL. */
char *ask_path(const char *before, const char *id, const char *after, const char *id2);
/* Copies the id of an answer; false: it has none. */
MUST_USE bool ask_take_id(const struct posthorn_answer *a, char into[static 24]);
