-- member_gone.sql - members who leave
DELETE FROM member m
USING unnest($1::int8[], $2::int8[]) AS u (conversation_id, user_id)
WHERE m.conversation_id = u.conversation_id AND m.user_id = u.user_id;
