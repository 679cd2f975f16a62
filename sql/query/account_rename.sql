-- account_rename.sql - another display name
UPDATE account SET name = $2::text WHERE user_id = $1::int8 RETURNING user_id;
