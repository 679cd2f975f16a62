-- node_list.sql - the nodes that are here, and those that died less than a minute ago
SELECT n.node_id, n.incarnation, CASE WHEN n.state = 0 AND n.node_id = ANY (r.member_id) THEN 1 ELSE n.state END, n.name, n.url,
    n.link, n.link_local, n.host, n.region, n.weight, n.load, n.version_least, n.version,
    (extract(epoch FROM clock_timestamp() - n.joined_at) * 1000)::int8,
    (extract(epoch FROM n.lease_until - clock_timestamp()) * 1000)::int8,
    (SELECT count(*) FROM unnest(n.deaths) d WHERE d > clock_timestamp() - $1::int8 * interval '1 ms'),
    coalesce((extract(epoch FROM clock_timestamp() - n.deaths[1]) * 1000)::int8, -1),
    (n.node_id = ANY (r.member_id))::int
FROM node n, ring r
WHERE r.one = 1 AND (n.state <> 3 OR n.node_id = ANY (r.member_id) OR n.lease_until > clock_timestamp() - interval '60 s')
ORDER BY n.node_id;
