-- user_conversation_read.sql - one conversation of a user
SELECT conversation_id, kind, read_seq, muted_until_ms
FROM user_conversation
WHERE user_id = $1::int8 AND conversation_id = $2::int8;
