-- devices_seen.sql - what devices have taken and when they were here; the maximum stays
UPDATE device_cursor c
SET acknowledged = greatest(c.acknowledged, u.acknowledged), seen_ms = greatest(c.seen_ms, u.seen_ms)
FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[]) AS u (user_id, device_id, acknowledged, seen_ms)
WHERE c.user_id = u.user_id AND c.device_id = u.device_id;
