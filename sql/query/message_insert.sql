-- message_insert.sql - message rows of a batch
INSERT INTO message (conversation_id, id, seq, sender_id, kind, key_high, key_low, body)
SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int2[], $6::int8[], $7::int8[], $8::bytea[]);
