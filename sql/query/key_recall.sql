-- key_recall.sql - what one key (sender, high, low) was used for, with a commit of its own behind the first one
UPDATE send_key k
SET tries = k.tries + 1
WHERE k.sender_id = ($1::int8[])[1] AND k.key_high = ($1::int8[])[2] AND k.key_low = ($1::int8[])[3]
RETURNING k.conversation_id, k.id, k.seq, k.kind, k.body_hash;
