/* chat/roster.h - who is in which conversation, as last read: a bounded cache */
#pragma once
#include "model/members.h"

struct roster;

struct roster *roster_new(uint32_t conversations_max);
void roster_free(struct roster **r);
/* The members as last known, borrowed until the next call here; NULL: read them. May be out of date: what is
 * written on its word is checked again by the store (member_epoch). */
const struct members *roster_find(struct roster *r, struct conversation_id c);
/* Keeps a reference of m, in place of an older picture; the conversation used longest ago makes room. */
void roster_put(struct roster *r, struct members *m);
void roster_forget(struct roster *r, struct conversation_id c);
