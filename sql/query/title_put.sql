-- title_put.sql - titles of conversations, new or changed
INSERT INTO conversation_info (conversation_id, title)
SELECT * FROM unnest($1::int8[], $2::text[])
ON CONFLICT (conversation_id) DO UPDATE SET title = excluded.title;
