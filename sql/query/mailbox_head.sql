-- mailbox_head.sql - the newest place of an inbox
SELECT last_i FROM mailbox WHERE user_id = $1::int8;
