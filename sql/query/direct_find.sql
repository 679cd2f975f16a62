-- direct_find.sql - the direct conversation of two users
SELECT conversation_id FROM direct WHERE user_low = $1::int8 AND user_high = $2::int8;
