-- node_weight.sql - an operator's word
UPDATE node SET weight = $2::int8 WHERE node_id = $1::int8 RETURNING node_id;
