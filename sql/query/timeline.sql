-- timeline.sql - the timeline that cursors carry
SELECT timeline FROM cluster WHERE one = 1;
