-- mailbox_advance.sql - locks and advances mailboxes in key order; says where each stood
UPDATE mailbox m
SET last_i = m.last_i + u.n
FROM unnest($1::int8[], $2::int8[]) AS u (k, n)
WHERE m.user_id = u.k
RETURNING m.user_id, m.last_i - u.n AS base;
