-- What cuts segments at the hour: the bot's connections live in UTC. Lists come as arrays.

-- name: totals :many
-- What the members of a guild together spent in stretches of whole hours of UTC, each from one of
-- :first_hours to the one of :last_hours at its place, both included; numbered from 0, NULL where
-- there is none. Ended sessions only. One after the other, whatever the planner thinks of BETWEEN.
-- notnull number: a place in a list
SELECT
    stretches.number - 1 AS number,
    (
        SELECT SUM(hours.quarter_1 + hours.quarter_2 + hours.quarter_3 + hours.quarter_4) AS total
        FROM voice_hours AS hours
        WHERE
            hours.guild_id = :guild_id
            AND hours.hour BETWEEN stretches.first_hour AND stretches.last_hour
    ) AS total
FROM
    UNNEST(:first_hours, :last_hours)
    WITH ORDINALITY AS stretches (first_hour, last_hour, number);

-- name: wrong :many
-- Hours of a guild that are not the sum of the segments: what is kept and what is right, the four
-- quarters together; a quarter that is wrong shows even where its hour's sum is right.
-- notnull period: made of columns that are never NULL
-- notnull kept: made of columns that are never NULL
-- notnull correct: made of columns that are never NULL
WITH both_ways AS (
    SELECT
        hour,
        quarter_1 AS kept_1,
        quarter_2 AS kept_2,
        quarter_3 AS kept_3,
        quarter_4 AS kept_4,
        INTERVAL '0' AS correct_1,
        INTERVAL '0' AS correct_2,
        INTERVAL '0' AS correct_3,
        INTERVAL '0' AS correct_4
    FROM voice_hours
    WHERE guild_id = :guild_id
    UNION ALL
    SELECT
        CAST(TO_CHAR(cut.begun_at, 'YYYYMMDDHH24') AS BIGINT) AS hour,
        INTERVAL '0' AS kept_1,
        INTERVAL '0' AS kept_2,
        INTERVAL '0' AS kept_3,
        INTERVAL '0' AS kept_4,
        GREATEST(
            LEAST(ended_at, begun_at + INTERVAL '15 minutes')
            - GREATEST(started_at, begun_at),
            INTERVAL '0'
        ) AS correct_1,
        GREATEST(
            LEAST(ended_at, begun_at + INTERVAL '30 minutes')
            - GREATEST(started_at, begun_at + INTERVAL '15 minutes'),
            INTERVAL '0'
        ) AS correct_2,
        GREATEST(
            LEAST(ended_at, begun_at + INTERVAL '45 minutes')
            - GREATEST(started_at, begun_at + INTERVAL '30 minutes'),
            INTERVAL '0'
        ) AS correct_3,
        GREATEST(
            LEAST(ended_at, begun_at + INTERVAL '60 minutes')
            - GREATEST(started_at, begun_at + INTERVAL '45 minutes'),
            INTERVAL '0'
        ) AS correct_4
    FROM voice_segments
    CROSS JOIN
        GENERATE_SERIES(
            DATE_TRUNC('hour', started_at),
            ended_at - INTERVAL '1 microsecond',
            INTERVAL '1 hour'
        ) AS cut (begun_at)
    WHERE guild_id = :guild_id
)

SELECT
    hour AS period,
    CAST(0 AS BIGINT) AS id,
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
