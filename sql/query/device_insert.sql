-- device_insert.sql - a device, while there is room for one; the caller holds the mailbox
INSERT INTO device (user_id, device_id, name, platform, token_hash, created_ms, expires_ms)
SELECT $1::int8, $2::int8, $3::text, $4::text, $5::bytea, $6::int8, $7::int8
WHERE (SELECT count(*) FROM device WHERE user_id = $1::int8) < $8::int8
RETURNING device_id;
