-- message_find.sql - messages by their keys, in order, until so many bytes of bodies are together
SELECT f.n, f.id, f.seq, f.sender_id, f.kind, f.key_high, f.key_low, f.body
FROM (
    SELECT u.n, m.id, m.seq, m.sender_id, m.kind, m.key_high, m.key_low, m.body,
        sum(octet_length(m.body)) OVER (ORDER BY u.n ROWS UNBOUNDED PRECEDING) - octet_length(m.body) AS bytes_before
    FROM unnest($1::int4[], $2::int8[], $3::int8[]) AS u (n, conversation_id, id)
    JOIN message m ON m.conversation_id = u.conversation_id AND m.id = u.id) AS f
WHERE f.bytes_before < $4::int8
ORDER BY f.n;
