/* store/view.h - conversations as one member sees them: the part that one and a page of them share */
#pragma once
#include "store/conversation.h"
#include "store/encode.h"
#include "store/pg.h"

/* user_conversation rows into at[0..]; texts are not set yet. Answers how many. */
uint32_t view_take_places(const PGresult *result, struct conversation *at);
/* The two statements that fill them: VIEW_HEADS, then VIEW_MEMBERS. */
enum { VIEW_HEADS, VIEW_MEMBERS, VIEW_STATEMENTS };
void view_send(struct pg *pg, struct encode *e, struct user_id user, const struct conversation *at, uint32_t count);
/* Fills at[]; is_whole of each says whether its head and membership were there. */
void view_take_heads(const PGresult *result, struct conversation *at, uint32_t count, bool *is_whole,
                     struct arena *arena);
void view_take_members(const PGresult *result, struct conversation *at, uint32_t count);
