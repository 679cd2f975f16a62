/* chat/chat.c - how one operation waits for another */
#include "chat/chat.h"

void chat_wake_asker(struct op *op, enum err err, void *asker)
{
    (void)op;
    op_wake(asker, err);
}

void chat_free_nothing(struct op *op)
{
    (void)op;
}
