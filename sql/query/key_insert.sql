-- key_insert.sql - key rows of a batch; a violated unique key means that another lane was first
INSERT INTO send_key (sender_id, key_high, key_low, conversation_id, id, seq, kind, body_hash)
SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int2[], $8::int8[]);
