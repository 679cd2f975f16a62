-- device_cursor_insert.sql - the cursor of a device that was just made, and no cursors of devices that are gone
WITH gone AS (
    DELETE FROM device_cursor c WHERE c.user_id = $1::int8
        AND NOT EXISTS (SELECT FROM device d WHERE d.user_id = c.user_id AND d.device_id = c.device_id))
INSERT INTO device_cursor (user_id, device_id, acknowledged, seen_ms)
SELECT d.user_id, d.device_id, m.last_i, d.created_ms
FROM device d JOIN mailbox m ON m.user_id = d.user_id
WHERE d.user_id = $1::int8 AND d.device_id = $2::int8;
