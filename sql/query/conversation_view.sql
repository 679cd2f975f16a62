-- conversation_view.sql - conversations as a member sees them, with their newest event
SELECT u.n, c.last_seq, t.title, m.role, m.joined_seq, e.id, e.seq, e.sender_id, e.kind, e.key_high, e.key_low, e.body
FROM unnest($1::int4[], $2::int8[]) AS u (n, conversation_id)
JOIN conversation c ON c.conversation_id = u.conversation_id
JOIN member m ON m.conversation_id = u.conversation_id AND m.user_id = $3::int8
LEFT JOIN conversation_info t ON t.conversation_id = c.conversation_id
LEFT JOIN message e ON e.conversation_id = c.conversation_id AND e.id = c.last_id;
