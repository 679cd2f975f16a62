-- account_insert.sql - an account
INSERT INTO account (user_id, handle, name, password_hash, created_ms)
VALUES ($1::int8, $2::text, $3::text, $4::text, $5::int8);
