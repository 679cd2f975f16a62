-- node_join.sql - a node takes its row; $12 is 1 when who had it before did not end cleanly. $13 is reserved, and $14 more
-- than what was: a life that ends before its first beat has given out ids too
INSERT INTO node (node_id, incarnation, name, url, link, link_local, host, region, weight, version_least, version, joined_at,
    lease_until, id_reserved)
VALUES ($1::int8, nextval('node_incarnation'), $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::int8, $9::int8,
    $10::int8, clock_timestamp(), clock_timestamp() + $11::int8 * interval '1 ms', $13::int8)
ON CONFLICT (node_id) DO UPDATE SET incarnation = excluded.incarnation, state = 0, name = excluded.name, url = excluded.url,
    link = excluded.link, link_local = excluded.link_local, host = excluded.host, region = excluded.region,
    weight = CASE WHEN node.name = excluded.name THEN node.weight ELSE excluded.weight END, load = 0,
    version_least = excluded.version_least, version = excluded.version, joined_at = excluded.joined_at,
    lease_until = excluded.lease_until, id_reserved = greatest(node.id_reserved + $14::int8, excluded.id_reserved),
    deaths = CASE WHEN $12::int8 = 1 THEN (clock_timestamp() || node.deaths)[1:8] ELSE node.deaths END
RETURNING incarnation, id_reserved;
