-- As in 0005.voice_rollups.

CREATE OR REPLACE FUNCTION keep_voice_segments() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET timezone = 'UTC'
AS $$
BEGIN
    IF tg_op <> 'INSERT' THEN
        DELETE FROM voice_segments AS kept
        USING (
            SELECT
                removed.guild_id,
                CAST(TO_CHAR(midnight, 'YYYYMMDD') AS BIGINT) AS day,
                removed.channel_id,
                GREATEST(removed.joined_at, midnight) AS started_at,
                removed.user_id
            FROM removed
            CROSS JOIN GENERATE_SERIES(
                DATE_TRUNC('day', removed.joined_at),
                removed.left_at - INTERVAL '1 microsecond',
                INTERVAL '1 day'
            ) AS cut (midnight)
            WHERE removed.left_at > removed.joined_at
        ) AS gone
        WHERE
            kept.guild_id = gone.guild_id
            AND kept.day = gone.day
            AND kept.channel_id = gone.channel_id
            AND kept.started_at = gone.started_at
            AND kept.user_id = gone.user_id;
    END IF;
    IF tg_op <> 'DELETE' THEN
        INSERT INTO voice_segments (guild_id, day, channel_id, started_at, user_id, ended_at)
        SELECT
            added.guild_id,
            CAST(TO_CHAR(midnight, 'YYYYMMDD') AS BIGINT),
            added.channel_id,
            GREATEST(added.joined_at, midnight),
            added.user_id,
            LEAST(added.left_at, midnight + INTERVAL '1 day')
        FROM added
        CROSS JOIN GENERATE_SERIES(
            DATE_TRUNC('day', added.joined_at),
            added.left_at - INTERVAL '1 microsecond',
            INTERVAL '1 day'
        ) AS cut (midnight)
        WHERE added.left_at > added.joined_at;
    END IF;
    RETURN NULL;
END;
$$;

CREATE OR REPLACE FUNCTION take_voice_totals() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET timezone = 'UTC'
AS $$
BEGIN
    WITH gone AS (
        SELECT
            removed.guild_id,
            periods.period,
            removed.user_id,
            SUM(removed.ended_at - removed.started_at) AS total
        FROM removed
        CROSS JOIN LATERAL (
            VALUES (removed.day), (removed.day / 100), (removed.day / 10000), (0)
        ) AS periods (period)
        GROUP BY removed.guild_id, periods.period, removed.user_id
    )

    UPDATE voice_member_totals AS kept
    SET total = kept.total - gone.total
    FROM gone
    WHERE
        kept.guild_id = gone.guild_id
        AND kept.period = gone.period
        AND kept.user_id = gone.user_id;

    DELETE FROM voice_member_totals AS kept
    USING (
        SELECT DISTINCT
            removed.guild_id,
            periods.period,
            removed.user_id
        FROM removed
        CROSS JOIN LATERAL (
            VALUES (removed.day), (removed.day / 100), (removed.day / 10000), (0)
        ) AS periods (period)
    ) AS gone
    WHERE
        kept.guild_id = gone.guild_id
        AND kept.period = gone.period
        AND kept.user_id = gone.user_id
        AND kept.total = INTERVAL '0';

    WITH gone AS (
        SELECT
            removed.guild_id,
            periods.period,
            removed.channel_id,
            SUM(removed.ended_at - removed.started_at) AS total
        FROM removed
        CROSS JOIN LATERAL (
            VALUES (removed.day), (removed.day / 100), (removed.day / 10000), (0)
        ) AS periods (period)
        GROUP BY removed.guild_id, periods.period, removed.channel_id
    )

    UPDATE voice_channel_totals AS kept
    SET total = kept.total - gone.total
    FROM gone
    WHERE
        kept.guild_id = gone.guild_id
        AND kept.period = gone.period
        AND kept.channel_id = gone.channel_id;

    DELETE FROM voice_channel_totals AS kept
    USING (
        SELECT DISTINCT
            removed.guild_id,
            periods.period,
            removed.channel_id
        FROM removed
        CROSS JOIN LATERAL (
            VALUES (removed.day), (removed.day / 100), (removed.day / 10000), (0)
        ) AS periods (period)
    ) AS gone
    WHERE
        kept.guild_id = gone.guild_id
        AND kept.period = gone.period
        AND kept.channel_id = gone.channel_id
        AND kept.total = INTERVAL '0';

    WITH gone AS (
        SELECT
            removed.guild_id,
            CAST(TO_CHAR(begun_at, 'YYYYMMDDHH24') AS BIGINT) AS hour,
            SUM(GREATEST(
                LEAST(removed.ended_at, begun_at + INTERVAL '15 minutes')
                - GREATEST(removed.started_at, begun_at),
                INTERVAL '0'
            )) AS quarter_1,
            SUM(GREATEST(
                LEAST(removed.ended_at, begun_at + INTERVAL '30 minutes')
                - GREATEST(removed.started_at, begun_at + INTERVAL '15 minutes'),
                INTERVAL '0'
            )) AS quarter_2,
            SUM(GREATEST(
                LEAST(removed.ended_at, begun_at + INTERVAL '45 minutes')
                - GREATEST(removed.started_at, begun_at + INTERVAL '30 minutes'),
                INTERVAL '0'
            )) AS quarter_3,
            SUM(GREATEST(
                LEAST(removed.ended_at, begun_at + INTERVAL '60 minutes')
                - GREATEST(removed.started_at, begun_at + INTERVAL '45 minutes'),
                INTERVAL '0'
            )) AS quarter_4
        FROM removed
        CROSS JOIN GENERATE_SERIES(
            DATE_TRUNC('hour', removed.started_at),
            removed.ended_at - INTERVAL '1 microsecond',
            INTERVAL '1 hour'
        ) AS cut (begun_at)
        GROUP BY removed.guild_id, CAST(TO_CHAR(begun_at, 'YYYYMMDDHH24') AS BIGINT)
    )

    UPDATE voice_hours AS kept
    SET
        quarter_1 = kept.quarter_1 - gone.quarter_1,
        quarter_2 = kept.quarter_2 - gone.quarter_2,
        quarter_3 = kept.quarter_3 - gone.quarter_3,
        quarter_4 = kept.quarter_4 - gone.quarter_4
    FROM gone
    WHERE kept.guild_id = gone.guild_id AND kept.hour = gone.hour;

    DELETE FROM voice_hours AS kept
    USING (SELECT DISTINCT removed.guild_id, removed.day FROM removed) AS gone
    WHERE
        kept.guild_id = gone.guild_id
        AND kept.hour BETWEEN gone.day * 100 AND gone.day * 100 + 23
        AND kept.quarter_1 = INTERVAL '0'
        AND kept.quarter_2 = INTERVAL '0'
        AND kept.quarter_3 = INTERVAL '0'
        AND kept.quarter_4 = INTERVAL '0';
    RETURN NULL;
END;
$$;
