-- device_delete.sql - a device goes; says whether it was there
WITH c AS (
    DELETE FROM device_cursor WHERE user_id = $1::int8 AND device_id = $2::int8)
DELETE FROM device WHERE user_id = $1::int8 AND device_id = $2::int8
RETURNING device_id;
