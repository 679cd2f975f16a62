-- user_conversation_put.sql - conversations that begin for a user
INSERT INTO user_conversation (user_id, conversation_id, kind, read_seq)
SELECT * FROM unnest($1::int8[], $2::int8[], $3::int2[], $4::int8[])
ON CONFLICT DO NOTHING;
