-- device_expire.sql - an account's devices whose time is over
DELETE FROM device WHERE user_id = $1::int8 AND expires_ms <= $2::int8;
