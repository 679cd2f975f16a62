-- read_put.sql - how far users have read; the maximum stays
UPDATE user_conversation m
SET read_seq = u.seq
FROM (SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[])) AS u (user_id, conversation_id, seq)
WHERE m.user_id = u.user_id AND m.conversation_id = u.conversation_id AND m.read_seq < u.seq;
