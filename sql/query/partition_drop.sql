-- partition_drop.sql - drops a table's partitions below a suffix; says how many
SELECT partition_drop($1::text, $2::text);
