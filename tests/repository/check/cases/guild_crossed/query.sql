-- name: total :value
-- Every guild's.
-- crosses guilds: a number for operators
-- scan things: counting reads every row
SELECT COUNT(*) AS total
FROM things;

-- name: in_guild :value
-- One guild's, and a directive that says otherwise.
-- crosses guilds: it did once
SELECT COUNT(*) AS total
FROM things
WHERE guild_id = :guild_id;
