-- key_again.sql - a commit of its own behind the first one, before a repeated key is answered
UPDATE send_key k
SET tries = k.tries + 1
FROM unnest($1::int8[], $2::int8[], $3::int8[]) AS u (sender_id, high, low)
WHERE k.sender_id = u.sender_id AND k.key_high = u.high AND k.key_low = u.low;
