-- SQLite's triggers take row by row, by key, as PostgreSQL's do from here on: nothing to do.
SELECT 1;
