-- name: pairs :value
-- The guild is told on one side, and equal on the other.
SELECT COUNT(*) AS total
FROM things AS a
INNER JOIN things AS b ON a.guild_id = b.guild_id AND a.user_id < b.user_id
WHERE b.guild_id = :guild_id;

-- name: loose_pairs :value
-- The other side may be of any guild.
SELECT COUNT(*) AS total
FROM things AS a
INNER JOIN things AS b ON a.user_id = b.user_id
WHERE a.guild_id = :guild_id AND b.guild_id > 0;

-- name: outer_pairs :value
-- The condition of an outer join keeps no row of the left side out.
SELECT COUNT(*) AS total
FROM things AS a
LEFT JOIN things AS b ON a.guild_id = b.guild_id AND b.guild_id = :guild_id
WHERE a.guild_id > 0;

-- name: nested :value
-- Through a CTE and a sub-query.
WITH own AS (
    SELECT
        guild_id,
        user_id
    FROM things
    WHERE guild_id = :guild_id
)

SELECT COUNT(*) AS total
FROM own
INNER JOIN things AS other ON own.guild_id = other.guild_id
WHERE EXISTS (
    SELECT 1 AS found
    FROM things AS third
    WHERE third.guild_id = other.guild_id AND third.user_id = own.user_id
);
