-- node_state.sql - a node drains, or is dead; not cleanly: that is remembered
UPDATE node
SET state = $3::int8, lease_until = CASE WHEN $3::int8 = 3 THEN clock_timestamp() ELSE lease_until END,
    deaths = CASE WHEN $4::int8 = 1 THEN (clock_timestamp() || deaths)[1:8] ELSE deaths END
WHERE node_id = $1::int8 AND incarnation = $2::int8 AND state <> 3
RETURNING node_id;
