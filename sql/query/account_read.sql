-- account_read.sql - an account
SELECT user_id, handle, name, password_hash, created_ms FROM account WHERE user_id = $1::int8;
