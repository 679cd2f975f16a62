-- ring_write.sql - the next table
UPDATE ring
SET epoch = epoch + 1, nodes_version = nodes_version + 1, member_id = $1::int8[], member_weight = $2::int8[], owner = $3::bytea,
    evicted_at = (array_fill(clock_timestamp(), ARRAY[$4::int8::int]) || evicted_at)[1:64]
WHERE one = 1
RETURNING epoch;
