-- node_world.sql - what has changed: the table, the timeline, the nodes; and whether the table is due to change
SELECT r.epoch, c.timeline, r.nodes_version, EXISTS (
    SELECT FROM node n
    WHERE (n.node_id = ANY (r.member_id)) <> (n.state = 0 AND n.weight > 0 AND n.lease_until > clock_timestamp())
        OR (n.state <> 3 AND n.lease_until < clock_timestamp() - interval '3 s'))::int
FROM ring r, cluster c
WHERE r.one = 1 AND c.one = 1;
