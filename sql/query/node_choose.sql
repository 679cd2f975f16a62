-- node_choose.sql - the id for a name: its own, the lowest unused, or the one that is free for longest; who had it before
WITH chosen AS (
    SELECT coalesce(
        (SELECT node_id FROM node WHERE name = $1::text),
        (SELECT n FROM generate_series(0, 1023) n WHERE NOT EXISTS (SELECT FROM node WHERE node_id = n)
            ORDER BY n LIMIT 1),
        (SELECT node_id FROM node WHERE lease_until < clock_timestamp() - $2::int8 * interval '1 ms'
            AND lease_until > '-infinity' ORDER BY lease_until LIMIT 1)) AS id)
SELECT c.id, n.incarnation, coalesce(n.state, 3), n.id_reserved
FROM chosen c LEFT JOIN node n ON n.node_id = c.id
WHERE c.id IS NOT NULL;
