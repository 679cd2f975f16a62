-- node_evict.sql - whose lease ended is dead
UPDATE node n
SET state = 3, deaths = (clock_timestamp() || n.deaths)[1:8]
FROM unnest($1::int8[], $2::int8[]) AS u (id, incarnation)
WHERE n.node_id = u.id AND n.incarnation = u.incarnation AND n.state <> 3;
