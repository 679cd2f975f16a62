-- inbox_after.sql - an inbox from a place on
SELECT i, conversation_id, id, kind, body
FROM inbox
WHERE user_id = $1::int8 AND i > $2::int8
ORDER BY i
LIMIT $3::int8;
