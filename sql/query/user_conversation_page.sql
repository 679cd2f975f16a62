-- user_conversation_page.sql - a page of a user's conversations, newest first
SELECT conversation_id, kind, read_seq, muted_until_ms
FROM user_conversation
WHERE user_id = $1::int8 AND conversation_id < $2::int8
ORDER BY conversation_id DESC
LIMIT $3::int8;
