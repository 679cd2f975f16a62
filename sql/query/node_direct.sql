-- node_direct.sql - an operator's word: the node of that name drains, or takes part again
UPDATE node SET state = $2::int8 WHERE name = $1::text AND state <> 3 RETURNING node_id;
