-- conversation_head.sql - the head of a conversation
SELECT kind, last_seq, member_epoch FROM conversation WHERE conversation_id = $1::int8;
