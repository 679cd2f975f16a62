-- nodes_changed.sql - somebody joined, left, or is another now: everybody reads the list again
UPDATE ring SET nodes_version = nodes_version + 1 WHERE one = 1;
