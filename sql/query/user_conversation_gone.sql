-- user_conversation_gone.sql - conversations that end for a user
DELETE FROM user_conversation m
USING unnest($1::int8[], $2::int8[]) AS u (user_id, conversation_id)
WHERE m.user_id = u.user_id AND m.conversation_id = u.conversation_id;
