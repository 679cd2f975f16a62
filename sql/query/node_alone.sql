-- node_alone.sql - a server without a name keeps its node id from the nodes of a ring; above which snowflakes it may begin
INSERT INTO node (node_id, incarnation, state, name, url, link, link_local, host, region, weight, version_least, version,
    id_reserved, joined_at, lease_until)
VALUES ($1::int8, nextval('node_incarnation'), 3, 'alone ' || $1::int8, '', '', '', '', '', 0, 0, 0, $2::int8,
    clock_timestamp(), '-infinity')
ON CONFLICT (node_id) DO UPDATE SET id_reserved = greatest(node.id_reserved, excluded.id_reserved)
RETURNING id_reserved;
