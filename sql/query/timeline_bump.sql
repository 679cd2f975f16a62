-- timeline_bump.sql - the numbers of the past mean nothing any more
UPDATE cluster SET timeline = timeline + 1 WHERE one = 1 RETURNING timeline;
