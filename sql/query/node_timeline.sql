-- node_timeline.sql - the database was restored, or lost its tail: cursors of before are void
UPDATE cluster SET timeline = timeline + 1 WHERE one = 1 RETURNING timeline;
