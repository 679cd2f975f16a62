-- inbox_written.sql - places that one node wrote since a moment (an id), newest first; by inbox_by_time
SELECT user_id, i FROM inbox
WHERE id >= $1::int8 AND (id >> 12) & 1023 = $2::int8
ORDER BY id DESC
LIMIT $3::int8;
