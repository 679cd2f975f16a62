-- rollback.sql - takes back what the batch did so far
ROLLBACK;
