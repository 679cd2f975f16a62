-- node_lock.sql - one at a time joins, or makes a table
SELECT pg_advisory_xact_lock(7809632219779023476);
