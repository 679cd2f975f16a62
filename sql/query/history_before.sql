-- history_before.sql - history, newest first, from below an id
SELECT id, seq, sender_id, kind, key_high, key_low, body
FROM message
WHERE conversation_id = $1::int8 AND id < $2::int8
ORDER BY id DESC
LIMIT $3::int8;
