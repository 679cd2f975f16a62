-- key_find.sql - which keys were used before, and for what
SELECT u.n, k.conversation_id, k.id, k.seq, k.kind, k.body_hash
FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::int8[]) AS u (n, sender_id, high, low)
JOIN send_key k ON k.sender_id = u.sender_id AND k.key_high = u.high AND k.key_low = u.low;
