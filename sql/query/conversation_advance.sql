-- conversation_advance.sql - locks and advances heads in key order; says where each stood
-- An id that would not rise above the head's last one is lifted by whole milliseconds (4194304 = 1 << 22), and with it
-- all ids of this conversation in the batch: lift says by how much.
UPDATE conversation c
SET last_seq = c.last_seq + u.n,
    last_id = u.last_id + CASE WHEN c.last_id < u.first_id THEN 0
                               ELSE ((c.last_id - u.first_id) / 4194304 + 1) * 4194304 END,
    member_epoch = c.member_epoch + u.epochs
FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int4[]) AS u (k, n, first_id, last_id, epochs)
WHERE c.conversation_id = u.k
RETURNING c.conversation_id, c.last_seq - u.n AS base, c.last_id - u.last_id AS lift, c.member_epoch - u.epochs AS epoch;
