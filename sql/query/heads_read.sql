-- heads_read.sql - how far these inboxes reach
SELECT user_id, last_i FROM mailbox WHERE user_id = ANY ($1::int8[]);
