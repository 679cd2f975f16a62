-- ring_try.sql - one at a time makes a table, and nobody joins meanwhile; 0: somebody does
SELECT pg_try_advisory_xact_lock(7809632219779023476)::int;
