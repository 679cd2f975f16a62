/* chat/muster.h - reads who is in a conversation once for all that ask, and lets them go on in their order
 *
 * Several sends of one device may be under way at once. None of them may overtake another because it found the
 * members in the cache while the other still waits for them.
 */
#pragma once
#include "chat/chat.h"
#include "model/id.h"

struct muster;

struct muster *muster_new(struct chat *chat);
/* Nobody may be waiting. */
void muster_free(struct muster **m);
/* True while somebody asked and has not left: who comes now must ask, too, to stay behind them. */
bool muster_is_busy(const struct muster *m, struct conversation_id c);
/* Wakes op in the order of asking, once the roster has been filled, or with the error of the reading. Each op
 * that was woken calls muster_leave() once. */
void muster_ask(struct muster *m, struct conversation_id c, struct op *op);
void muster_leave(struct muster *m, struct conversation_id c);
