-- What cuts segments at the hour: a time is a number of microseconds here, a list a JSON array.

-- name: totals :many
-- What the members of a guild together spent in stretches of whole hours of UTC, each from one of
-- :first_hours to the one of :last_hours at its place, both included; numbered from 0, NULL where
-- there is none. Ended sessions only.
-- notnull number: a place in a list
SELECT
    stretches.key AS number,
    (
        SELECT SUM(hours.quarter_1 + hours.quarter_2 + hours.quarter_3 + hours.quarter_4) AS total
        FROM voice_hours AS hours
        WHERE
            hours.guild_id = :guild_id
            AND hours.hour BETWEEN stretches.value
            AND JSON_EXTRACT(:last_hours, '$[' || stretches.key || ']')
    ) AS total
FROM JSON_EACH(:first_hours) AS stretches;

-- name: wrong :many
-- Hours of a guild that are not the sum of the segments: what is kept and what is right, the four
-- quarters together; a quarter that is wrong shows even where its hour's sum is right.
-- notnull period: made of columns that are never NULL
-- notnull correct: made of columns that are never NULL
WITH RECURSIVE pieces AS (
    SELECT
        day,
        started_at,
        ended_at,
        started_at - (started_at % 86400000000 + 86400000000) % 86400000000 AS midnight,
        (started_at % 86400000000 + 86400000000) % 86400000000 / 3600000000 AS hour
    FROM voice_segments
    WHERE guild_id = :guild_id
    UNION ALL
    SELECT
        day,
        started_at,
        ended_at,
        midnight,
        hour + 1 AS hour
    FROM pieces
    WHERE midnight + (hour + 1) * 3600000000 < ended_at
),

cut AS (
    SELECT
        day * 100 + hour AS hour,
        started_at - midnight - hour * 3600000000 AS from_us,
        ended_at - midnight - hour * 3600000000 AS to_us
    FROM pieces
),

both_ways AS (
    SELECT
        hour,
        quarter_1 AS kept_1,
        quarter_2 AS kept_2,
        quarter_3 AS kept_3,
        quarter_4 AS kept_4,
        0 AS correct_1,
        0 AS correct_2,
        0 AS correct_3,
        0 AS correct_4
    FROM voice_hours
    WHERE guild_id = :guild_id
    UNION ALL
    SELECT
        hour,
        0 AS kept_1,
        0 AS kept_2,
        0 AS kept_3,
        0 AS kept_4,
        MAX(0, MIN(to_us, 900000000) - MAX(from_us, 0)) AS correct_1,
        MAX(0, MIN(to_us, 1800000000) - MAX(from_us, 900000000)) AS correct_2,
        MAX(0, MIN(to_us, 2700000000) - MAX(from_us, 1800000000)) AS correct_3,
        MAX(0, MIN(to_us, 3600000000) - MAX(from_us, 2700000000)) AS correct_4
    FROM cut
)

SELECT
    hour AS period,
    0 AS id,
    SUM(kept_1) + SUM(kept_2) + SUM(kept_3) + SUM(kept_4) AS kept,
    SUM(correct_1) + SUM(correct_2) + SUM(correct_3) + SUM(correct_4) AS correct
FROM both_ways
GROUP BY hour
HAVING
    SUM(kept_1) <> SUM(correct_1)
    OR SUM(kept_2) <> SUM(correct_2)
    OR SUM(kept_3) <> SUM(correct_3)
    OR SUM(kept_4) <> SUM(correct_4)
ORDER BY hour;
