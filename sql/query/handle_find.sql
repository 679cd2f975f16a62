-- handle_find.sql - whose handle it is
SELECT user_id FROM handle WHERE handle = $1::text;
