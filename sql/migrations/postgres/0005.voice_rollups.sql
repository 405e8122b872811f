-- Time in voice added up as it is stored, so that no answer has to read the whole history.
--
-- What a session adds is kept by triggers: whatever writes, corrects or deletes a session changes
-- these tables in the same transaction. voice_sessions stays the truth; `pwrbot doctor` holds them
-- against it. A period is written as its digits in UTC: 20240229 a day, 202402 a month, 2024 a
-- year, 0 all time. No two of these can be the same number from the year 100 on.

-- Sessions cut at midnight UTC: a day of a channel is one stretch of the key.
-- Serves voice_sessions.partners and the ragged ends of every range.
CREATE TABLE voice_segments (
    guild_id BIGINT NOT NULL,
    day BIGINT NOT NULL,
    channel_id BIGINT NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    user_id BIGINT NOT NULL,
    ended_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (guild_id, day, channel_id, started_at, user_id),
    CONSTRAINT voice_segments_since_year_100 CHECK (day >= 1000101)
);

-- Room is left in each page of what is added to: a new version of a row then stays on its page.

-- Serves voice_sessions.leaderboard.
CREATE TABLE voice_member_totals (
    guild_id BIGINT NOT NULL,
    period BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    total INTERVAL NOT NULL,
    PRIMARY KEY (guild_id, period, user_id)
) WITH (fillfactor = 80);

-- Serves voice_sessions.channels.
CREATE TABLE voice_channel_totals (
    guild_id BIGINT NOT NULL,
    period BIGINT NOT NULL,
    channel_id BIGINT NOT NULL,
    total INTERVAL NOT NULL,
    PRIMARY KEY (guild_id, period, channel_id)
) WITH (fillfactor = 80);

-- What all members of a guild together spent in an hour of UTC (2024022923 is the last of that
-- day), by its quarters: clocks are set to whole quarters of an hour everywhere.
-- Serves voice_hours.between.
CREATE TABLE voice_hours (
    guild_id BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    quarter_1 INTERVAL NOT NULL,
    quarter_2 INTERVAL NOT NULL,
    quarter_3 INTERVAL NOT NULL,
    quarter_4 INTERVAL NOT NULL,
    PRIMARY KEY (guild_id, hour)
) WITH (fillfactor = 80);

-- Keeps the segments of the sessions that a statement stored, corrected or deleted.
CREATE FUNCTION keep_voice_segments() RETURNS TRIGGER
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

-- Adds what new segments hold to the totals; in the order of the keys, so that two transactions
-- never wait for each other.
CREATE FUNCTION add_voice_totals() RETURNS TRIGGER
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET timezone = 'UTC'
AS $$
BEGIN
    INSERT INTO voice_member_totals AS kept (guild_id, period, user_id, total)
    SELECT
        added.guild_id,
        periods.period,
        added.user_id,
        SUM(added.ended_at - added.started_at)
    FROM added
    CROSS JOIN LATERAL (
        VALUES (added.day), (added.day / 100), (added.day / 10000), (0)
    ) AS periods (period)
    GROUP BY added.guild_id, periods.period, added.user_id
    ORDER BY added.guild_id, periods.period, added.user_id
    ON CONFLICT (guild_id, period, user_id) DO UPDATE SET total = kept.total + excluded.total;

    INSERT INTO voice_channel_totals AS kept (guild_id, period, channel_id, total)
    SELECT
        added.guild_id,
        periods.period,
        added.channel_id,
        SUM(added.ended_at - added.started_at)
    FROM added
    CROSS JOIN LATERAL (
        VALUES (added.day), (added.day / 100), (added.day / 10000), (0)
    ) AS periods (period)
    GROUP BY added.guild_id, periods.period, added.channel_id
    ORDER BY added.guild_id, periods.period, added.channel_id
    ON CONFLICT (guild_id, period, channel_id) DO UPDATE SET total = kept.total + excluded.total;

    INSERT INTO voice_hours AS kept (
        guild_id, hour, quarter_1, quarter_2, quarter_3, quarter_4
    )
    SELECT
        guild_id,
        hour,
        SUM(quarter_1),
        SUM(quarter_2),
        SUM(quarter_3),
        SUM(quarter_4)
    FROM (
        SELECT
            added.guild_id,
            CAST(TO_CHAR(begun_at, 'YYYYMMDDHH24') AS BIGINT) AS hour,
            GREATEST(
                LEAST(added.ended_at, begun_at + INTERVAL '15 minutes')
                - GREATEST(added.started_at, begun_at),
                INTERVAL '0'
            ) AS quarter_1,
            GREATEST(
                LEAST(added.ended_at, begun_at + INTERVAL '30 minutes')
                - GREATEST(added.started_at, begun_at + INTERVAL '15 minutes'),
                INTERVAL '0'
            ) AS quarter_2,
            GREATEST(
                LEAST(added.ended_at, begun_at + INTERVAL '45 minutes')
                - GREATEST(added.started_at, begun_at + INTERVAL '30 minutes'),
                INTERVAL '0'
            ) AS quarter_3,
            GREATEST(
                LEAST(added.ended_at, begun_at + INTERVAL '60 minutes')
                - GREATEST(added.started_at, begun_at + INTERVAL '45 minutes'),
                INTERVAL '0'
            ) AS quarter_4
        FROM added
        CROSS JOIN GENERATE_SERIES(
            DATE_TRUNC('hour', added.started_at),
            added.ended_at - INTERVAL '1 microsecond',
            INTERVAL '1 hour'
        ) AS cut (begun_at)
    ) AS pieces
    GROUP BY guild_id, hour
    ORDER BY guild_id, hour
    ON CONFLICT (guild_id, hour) DO UPDATE SET
        quarter_1 = kept.quarter_1 + excluded.quarter_1,
        quarter_2 = kept.quarter_2 + excluded.quarter_2,
        quarter_3 = kept.quarter_3 + excluded.quarter_3,
        quarter_4 = kept.quarter_4 + excluded.quarter_4;
    RETURN NULL;
END;
$$;

-- Takes away what removed segments held; a total that comes to nothing is not kept.
CREATE FUNCTION take_voice_totals() RETURNS TRIGGER
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

CREATE TRIGGER voice_segments_added
AFTER INSERT ON voice_segments
REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION add_voice_totals();

CREATE TRIGGER voice_segments_taken
AFTER DELETE ON voice_segments
REFERENCING OLD TABLE AS removed
FOR EACH STATEMENT EXECUTE FUNCTION take_voice_totals();

CREATE TRIGGER voice_sessions_stored
AFTER INSERT ON voice_sessions
REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION keep_voice_segments();

CREATE TRIGGER voice_sessions_corrected
AFTER UPDATE ON voice_sessions
REFERENCING OLD TABLE AS removed NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION keep_voice_segments();

CREATE TRIGGER voice_sessions_deleted
AFTER DELETE ON voice_sessions
REFERENCING OLD TABLE AS removed
FOR EACH STATEMENT EXECUTE FUNCTION keep_voice_segments();

-- What there is already: the triggers of the segments add it up.
INSERT INTO voice_segments (guild_id, day, channel_id, started_at, user_id, ended_at)
SELECT
    guild_id,
    CAST(TO_CHAR(midnight, 'YYYYMMDD') AS BIGINT) AS day,
    channel_id,
    GREATEST(joined_at, midnight AT TIME ZONE 'UTC') AS started_at,
    user_id,
    LEAST(left_at, (midnight + INTERVAL '1 day') AT TIME ZONE 'UTC') AS ended_at
FROM voice_sessions
CROSS JOIN
    GENERATE_SERIES(
        DATE_TRUNC('day', joined_at AT TIME ZONE 'UTC'),
        (left_at AT TIME ZONE 'UTC') - INTERVAL '1 microsecond',
        INTERVAL '1 day'
    ) AS cut (midnight)
WHERE left_at > joined_at
ORDER BY guild_id, day, channel_id, started_at, user_id;

-- The roll-ups answer what these served.
-- In the transaction that makes what replaces it; done in an instant, no bot running.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX voice_sessions_ended;
-- In the transaction that makes what replaces it; done in an instant, no bot running.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX voice_sessions_channel;
-- In the transaction that makes what replaces it; done in an instant, no bot running.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX voice_sessions_length;
