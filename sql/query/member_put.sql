-- member_put.sql - members who join, or have another role
INSERT INTO member (conversation_id, user_id, role, joined_seq)
SELECT * FROM unnest($1::int8[], $2::int8[], $3::int2[], $4::int8[])
ON CONFLICT (conversation_id, user_id) DO UPDATE SET role = excluded.role;
