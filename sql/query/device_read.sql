-- device_read.sql - one device
SELECT d.device_id, d.name, d.platform, d.token_hash, d.created_ms, c.seen_ms, d.expires_ms
FROM device d JOIN device_cursor c ON c.user_id = d.user_id AND c.device_id = d.device_id
WHERE d.user_id = $1::int8 AND d.device_id = $2::int8;
