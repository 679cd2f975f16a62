-- member_count.sql - how many members conversations have, and the least other one
SELECT m.conversation_id, count(*), min(m.user_id) FILTER (WHERE m.user_id <> $2::int8)
FROM member m
WHERE m.conversation_id = ANY ($1::int8[])
GROUP BY m.conversation_id;
