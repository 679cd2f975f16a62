-- inbox_insert.sql - inbox rows of a batch
INSERT INTO inbox (user_id, i, conversation_id, id, kind, body)
SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int2[], $6::bytea[]);
