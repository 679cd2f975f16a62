-- mailbox_insert.sql - the mailbox of a new account
INSERT INTO mailbox (user_id) VALUES ($1::int8);
