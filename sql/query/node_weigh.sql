-- node_weigh.sql - an operator's word: how much of the ring the node of that name gets
UPDATE node SET weight = $2::int8 WHERE name = $1::text AND state <> 3 RETURNING node_id;
