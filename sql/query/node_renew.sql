-- node_renew.sql - the lease goes on, if it is still this incarnation's
UPDATE node
SET lease_until = clock_timestamp() + $3::int8 * interval '1 ms', load = $4::int8, id_reserved = greatest(id_reserved, $5::int8)
WHERE node_id = $1::int8 AND incarnation = $2::int8 AND state <> 3
RETURNING node_id;
