-- groups_count.sql - how many groups a user is in
SELECT count(*) FROM user_conversation WHERE user_id = $1::int8 AND kind = 2;
