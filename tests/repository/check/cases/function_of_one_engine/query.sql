-- name: names :value
-- All names in one text.
-- scan things: every name is asked for
SELECT COALESCE(GROUP_CONCAT(name, ','), '') AS names
FROM things;

-- name: quoted :value
-- All names in one text.
-- scan things: every name is asked for
SELECT COALESCE(STRING_AGG(name, ','), '') AS names
FROM things;
