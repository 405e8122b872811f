-- Taking many sessions away costs what they do, however long the history.
--
-- What is taken is looked up by key, row by row. As joins their sizes were guessed: a thousand days
-- for each session, so that some hundreds of sessions read all segments there are; and totals were
-- met with all pairs of what was taken. With a million sessions it took minutes to delete 24,000.
-- Nothing is taken from a total that is not there: the doctor mends totals from none.

CREATE OR REPLACE FUNCTION keep_voice_segments() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET timezone = 'UTC'
AS $$
BEGIN
    IF tg_op <> 'INSERT' THEN
        DELETE FROM voice_segments
        WHERE ctid = ANY(ARRAY(
            SELECT kept.ctid
            FROM removed
            CROSS JOIN GENERATE_SERIES(
                DATE_TRUNC('day', removed.joined_at),
                removed.left_at - INTERVAL '1 microsecond',
                INTERVAL '1 day'
            ) AS cut (midnight)
            CROSS JOIN LATERAL (
                SELECT segments.ctid
                FROM voice_segments AS segments
                WHERE
                    segments.guild_id = removed.guild_id
                    AND segments.day = CAST(TO_CHAR(midnight, 'YYYYMMDD') AS BIGINT)
                    AND segments.channel_id = removed.channel_id
                    AND segments.started_at = GREATEST(removed.joined_at, midnight)
                    AND segments.user_id = removed.user_id
                LIMIT 1
            ) AS kept
            WHERE removed.left_at > removed.joined_at
        ));
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
    INSERT INTO voice_member_totals AS kept (guild_id, period, user_id, total)
    SELECT
        gone.guild_id,
        gone.period,
        gone.user_id,
        gone.total
    FROM (
        SELECT
            removed.guild_id,
            periods.period,
            removed.user_id,
            SUM(removed.started_at - removed.ended_at) AS total
        FROM removed
        CROSS JOIN LATERAL (
            VALUES (removed.day), (removed.day / 100), (removed.day / 10000), (0)
        ) AS periods (period)
        GROUP BY removed.guild_id, periods.period, removed.user_id
    ) AS gone
    CROSS JOIN LATERAL (
        SELECT totals.total
        FROM voice_member_totals AS totals
        WHERE
            totals.guild_id = gone.guild_id
            AND totals.period = gone.period
            AND totals.user_id = gone.user_id
        LIMIT 1
    ) AS there
    ORDER BY gone.guild_id, gone.period, gone.user_id
    ON CONFLICT (guild_id, period, user_id) DO UPDATE SET total = kept.total + excluded.total;

    DELETE FROM voice_member_totals
    WHERE ctid = ANY(ARRAY(
        SELECT kept.ctid
        FROM (SELECT DISTINCT guild_id, day, user_id FROM removed) AS gone
        CROSS JOIN LATERAL (
            VALUES (gone.day), (gone.day / 100), (gone.day / 10000), (0)
        ) AS periods (period)
        CROSS JOIN LATERAL (
            SELECT totals.ctid
            FROM voice_member_totals AS totals
            WHERE
                totals.guild_id = gone.guild_id
                AND totals.period = periods.period
                AND totals.user_id = gone.user_id
                AND totals.total = INTERVAL '0'
            LIMIT 1
        ) AS kept
    ));

    INSERT INTO voice_channel_totals AS kept (guild_id, period, channel_id, total)
    SELECT
        gone.guild_id,
        gone.period,
        gone.channel_id,
        gone.total
    FROM (
        SELECT
            removed.guild_id,
            periods.period,
            removed.channel_id,
            SUM(removed.started_at - removed.ended_at) AS total
        FROM removed
        CROSS JOIN LATERAL (
            VALUES (removed.day), (removed.day / 100), (removed.day / 10000), (0)
        ) AS periods (period)
        GROUP BY removed.guild_id, periods.period, removed.channel_id
    ) AS gone
    CROSS JOIN LATERAL (
        SELECT totals.total
        FROM voice_channel_totals AS totals
        WHERE
            totals.guild_id = gone.guild_id
            AND totals.period = gone.period
            AND totals.channel_id = gone.channel_id
        LIMIT 1
    ) AS there
    ORDER BY gone.guild_id, gone.period, gone.channel_id
    ON CONFLICT (guild_id, period, channel_id) DO UPDATE SET total = kept.total + excluded.total;

    DELETE FROM voice_channel_totals
    WHERE ctid = ANY(ARRAY(
        SELECT kept.ctid
        FROM (SELECT DISTINCT guild_id, day, channel_id FROM removed) AS gone
        CROSS JOIN LATERAL (
            VALUES (gone.day), (gone.day / 100), (gone.day / 10000), (0)
        ) AS periods (period)
        CROSS JOIN LATERAL (
            SELECT totals.ctid
            FROM voice_channel_totals AS totals
            WHERE
                totals.guild_id = gone.guild_id
                AND totals.period = periods.period
                AND totals.channel_id = gone.channel_id
                AND totals.total = INTERVAL '0'
            LIMIT 1
        ) AS kept
    ));

    INSERT INTO voice_hours AS kept (
        guild_id, hour, quarter_1, quarter_2, quarter_3, quarter_4
    )
    SELECT
        gone.guild_id,
        gone.hour,
        gone.quarter_1,
        gone.quarter_2,
        gone.quarter_3,
        gone.quarter_4
    FROM (
        SELECT
            guild_id,
            hour,
            -SUM(quarter_1) AS quarter_1,
            -SUM(quarter_2) AS quarter_2,
            -SUM(quarter_3) AS quarter_3,
            -SUM(quarter_4) AS quarter_4
        FROM (
            SELECT
                removed.guild_id,
                CAST(TO_CHAR(begun_at, 'YYYYMMDDHH24') AS BIGINT) AS hour,
                GREATEST(
                    LEAST(removed.ended_at, begun_at + INTERVAL '15 minutes')
                    - GREATEST(removed.started_at, begun_at),
                    INTERVAL '0'
                ) AS quarter_1,
                GREATEST(
                    LEAST(removed.ended_at, begun_at + INTERVAL '30 minutes')
                    - GREATEST(removed.started_at, begun_at + INTERVAL '15 minutes'),
                    INTERVAL '0'
                ) AS quarter_2,
                GREATEST(
                    LEAST(removed.ended_at, begun_at + INTERVAL '45 minutes')
                    - GREATEST(removed.started_at, begun_at + INTERVAL '30 minutes'),
                    INTERVAL '0'
                ) AS quarter_3,
                GREATEST(
                    LEAST(removed.ended_at, begun_at + INTERVAL '60 minutes')
                    - GREATEST(removed.started_at, begun_at + INTERVAL '45 minutes'),
                    INTERVAL '0'
                ) AS quarter_4
            FROM removed
            CROSS JOIN GENERATE_SERIES(
                DATE_TRUNC('hour', removed.started_at),
                removed.ended_at - INTERVAL '1 microsecond',
                INTERVAL '1 hour'
            ) AS cut (begun_at)
        ) AS pieces
        GROUP BY guild_id, hour
    ) AS gone
    CROSS JOIN LATERAL (
        SELECT hours.hour
        FROM voice_hours AS hours
        WHERE hours.guild_id = gone.guild_id AND hours.hour = gone.hour
        LIMIT 1
    ) AS there
    ORDER BY gone.guild_id, gone.hour
    ON CONFLICT (guild_id, hour) DO UPDATE SET
        quarter_1 = kept.quarter_1 + excluded.quarter_1,
        quarter_2 = kept.quarter_2 + excluded.quarter_2,
        quarter_3 = kept.quarter_3 + excluded.quarter_3,
        quarter_4 = kept.quarter_4 + excluded.quarter_4;

    DELETE FROM voice_hours
    WHERE ctid = ANY(ARRAY(
        SELECT kept.ctid
        FROM (SELECT DISTINCT guild_id, day FROM removed) AS gone
        CROSS JOIN LATERAL (
            SELECT hours.ctid
            FROM voice_hours AS hours
            WHERE
                hours.guild_id = gone.guild_id
                AND hours.hour BETWEEN gone.day * 100 AND gone.day * 100 + 23
                AND hours.quarter_1 = INTERVAL '0'
                AND hours.quarter_2 = INTERVAL '0'
                AND hours.quarter_3 = INTERVAL '0'
                AND hours.quarter_4 = INTERVAL '0'
            LIMIT 24
        ) AS kept
    ));
    RETURN NULL;
END;
$$;
