-- PostgreSQL's alone: rows stand in the order of their key here, those of a year together.
SELECT 1;
