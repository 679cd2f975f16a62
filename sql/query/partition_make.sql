-- partition_make.sql - makes the partitions that are not there
SELECT partition_make(u.parent, u.suffix, u.first_id, u.beyond)
FROM unnest($1::text[], $2::text[], $3::int8[], $4::int8[]) AS u (parent, suffix, first_id, beyond);
