-- direct_create.sql - claims pairs of users for new direct conversations, in key order
INSERT INTO direct (user_low, user_high, conversation_id)
SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[])
ON CONFLICT DO NOTHING
RETURNING conversation_id;
