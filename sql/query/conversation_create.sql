-- conversation_create.sql - heads of new conversations
INSERT INTO conversation (conversation_id, kind, member_epoch)
SELECT * FROM unnest($1::int8[], $2::int2[], $3::int4[]);
