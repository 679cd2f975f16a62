-- member_list.sql - who is in a conversation
SELECT user_id, role, joined_seq FROM member WHERE conversation_id = $1::int8 ORDER BY user_id;
