-- mailbox_lock.sql - the head of an inbox, held still for the rest of the transaction
SELECT last_i FROM mailbox WHERE user_id = $1::int8 FOR NO KEY UPDATE;
