-- node_state.sql - a node drains, or has ended; then $4 is the last of its ids, and what it had reserved beyond is free
UPDATE node
SET state = $3::int8, lease_until = CASE WHEN $3::int8 = 3 THEN clock_timestamp() ELSE lease_until END,
    id_reserved = CASE WHEN $3::int8 = 3 THEN $4::int8 ELSE id_reserved END
WHERE node_id = $1::int8 AND incarnation = $2::int8 AND state <> 3
RETURNING node_id;
