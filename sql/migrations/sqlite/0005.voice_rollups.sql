-- Time in voice added up as it is stored, so that no answer has to read the whole history.
--
-- What a session adds is kept by triggers: whatever writes, corrects or deletes a session changes
-- these tables in the same transaction. voice_sessions stays the truth; `pwrbot doctor` holds them
-- against it. A period is written as its digits in UTC: 20240229 a day, 202402 a month, 2024 a
-- year, 0 all time. No two of these can be the same number from the year 100 on.

-- Sessions cut at midnight UTC: a day of a channel is one stretch of the key.
-- Serves voice_sessions.partners and the ragged ends of every range.
CREATE TABLE voice_segments (
    guild_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    PRIMARY KEY (guild_id, day, channel_id, started_at, user_id),
    CONSTRAINT voice_segments_since_year_100 CHECK (day >= 1000101)
) STRICT, WITHOUT ROWID;

-- Serves voice_sessions.leaderboard.
CREATE TABLE voice_member_totals (
    guild_id INTEGER NOT NULL,
    period INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (guild_id, period, user_id)
) STRICT, WITHOUT ROWID;

-- Serves voice_sessions.channels.
CREATE TABLE voice_channel_totals (
    guild_id INTEGER NOT NULL,
    period INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (guild_id, period, channel_id)
) STRICT, WITHOUT ROWID;

-- What all members of a guild together spent in an hour of UTC (2024022923 is the last of that
-- day), by its quarters: clocks are set to whole quarters of an hour everywhere.
-- Serves voice_hours.between.
CREATE TABLE voice_hours (
    guild_id INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    quarter_1 INTEGER NOT NULL,
    quarter_2 INTEGER NOT NULL,
    quarter_3 INTEGER NOT NULL,
    quarter_4 INTEGER NOT NULL,
    PRIMARY KEY (guild_id, hour)
) STRICT, WITHOUT ROWID;

-- What there is already, added up at once.

INSERT INTO voice_segments (guild_id, day, channel_id, started_at, user_id, ended_at)
WITH RECURSIVE pieces AS (
    SELECT
        guild_id,
        user_id,
        channel_id,
        joined_at,
        left_at,
        joined_at - (joined_at % 86400000000 + 86400000000) % 86400000000 AS midnight
    FROM voice_sessions
    WHERE left_at > joined_at
    UNION ALL
    SELECT
        guild_id,
        user_id,
        channel_id,
        joined_at,
        left_at,
        midnight + 86400000000 AS midnight
    FROM pieces
    WHERE midnight + 86400000000 < left_at
)

SELECT
    guild_id,
    CAST(STRFTIME('%Y%m%d', midnight / 1000000, 'unixepoch') AS INTEGER) AS day,
    channel_id,
    MAX(joined_at, midnight) AS started_at,
    user_id,
    MIN(left_at, midnight + 86400000000) AS ended_at
FROM pieces
ORDER BY guild_id, day, channel_id, started_at, user_id;

INSERT INTO voice_member_totals (guild_id, period, user_id, total)
SELECT
    guild_id,
    day AS period,
    user_id,
    SUM(ended_at - started_at) AS total
FROM voice_segments
GROUP BY guild_id, day, user_id
ORDER BY guild_id, day, user_id;

INSERT INTO voice_member_totals (guild_id, period, user_id, total)
SELECT
    guild_id,
    period / 100 AS month,
    user_id,
    SUM(total) AS month_total
FROM voice_member_totals
WHERE period >= 1000101
GROUP BY guild_id, month, user_id;

INSERT INTO voice_member_totals (guild_id, period, user_id, total)
SELECT
    guild_id,
    period / 100 AS year,
    user_id,
    SUM(total) AS year_total
FROM voice_member_totals
WHERE period BETWEEN 10001 AND 999912
GROUP BY guild_id, year, user_id;

INSERT INTO voice_member_totals (guild_id, period, user_id, total)
SELECT
    guild_id,
    0 AS all_time,
    user_id,
    SUM(total) AS all_total
FROM voice_member_totals
WHERE period BETWEEN 100 AND 9999
GROUP BY guild_id, user_id;

INSERT INTO voice_channel_totals (guild_id, period, channel_id, total)
SELECT
    guild_id,
    day AS period,
    channel_id,
    SUM(ended_at - started_at) AS total
FROM voice_segments
GROUP BY guild_id, day, channel_id
ORDER BY guild_id, day, channel_id;

INSERT INTO voice_channel_totals (guild_id, period, channel_id, total)
SELECT
    guild_id,
    period / 100 AS month,
    channel_id,
    SUM(total) AS month_total
FROM voice_channel_totals
WHERE period >= 1000101
GROUP BY guild_id, month, channel_id;

INSERT INTO voice_channel_totals (guild_id, period, channel_id, total)
SELECT
    guild_id,
    period / 100 AS year,
    channel_id,
    SUM(total) AS year_total
FROM voice_channel_totals
WHERE period BETWEEN 10001 AND 999912
GROUP BY guild_id, year, channel_id;

INSERT INTO voice_channel_totals (guild_id, period, channel_id, total)
SELECT
    guild_id,
    0 AS all_time,
    channel_id,
    SUM(total) AS all_total
FROM voice_channel_totals
WHERE period BETWEEN 100 AND 9999
GROUP BY guild_id, channel_id;

INSERT INTO voice_hours (guild_id, hour, quarter_1, quarter_2, quarter_3, quarter_4)
WITH RECURSIVE pieces AS (
    SELECT
        guild_id,
        day,
        ended_at,
        started_at,
        started_at - (started_at % 86400000000 + 86400000000) % 86400000000 AS midnight,
        (started_at % 86400000000 + 86400000000) % 86400000000 / 3600000000 AS hour
    FROM voice_segments
    UNION ALL
    SELECT
        guild_id,
        day,
        ended_at,
        started_at,
        midnight,
        hour + 1 AS hour
    FROM pieces
    WHERE midnight + (hour + 1) * 3600000000 < ended_at
),

cut AS (
    SELECT
        guild_id,
        day * 100 + hour AS hour,
        started_at - midnight - hour * 3600000000 AS from_us,
        ended_at - midnight - hour * 3600000000 AS to_us
    FROM pieces
)

SELECT
    guild_id,
    hour,
    SUM(MAX(0, MIN(to_us, 900000000) - MAX(from_us, 0))) AS quarter_1,
    SUM(MAX(0, MIN(to_us, 1800000000) - MAX(from_us, 900000000))) AS quarter_2,
    SUM(MAX(0, MIN(to_us, 2700000000) - MAX(from_us, 1800000000))) AS quarter_3,
    SUM(MAX(0, MIN(to_us, 3600000000) - MAX(from_us, 2700000000))) AS quarter_4
FROM cut
GROUP BY guild_id, hour
ORDER BY guild_id, hour;

-- From here on it keeps itself.

CREATE TRIGGER voice_sessions_stored AFTER INSERT ON voice_sessions
WHEN new.left_at > new.joined_at
BEGIN
    INSERT INTO voice_segments (guild_id, day, channel_id, started_at, user_id, ended_at)
    SELECT
        new.guild_id,
        CAST(STRFTIME('%Y%m%d', cut.midnight / 1000000, 'unixepoch') AS INTEGER) AS day,
        new.channel_id,
        MAX(new.joined_at, cut.midnight) AS started_at,
        new.user_id,
        MIN(new.left_at, cut.midnight + 86400000000) AS ended_at
    FROM (
        WITH RECURSIVE days (midnight) AS (
            SELECT new.joined_at - (new.joined_at % 86400000000 + 86400000000) % 86400000000
            UNION ALL
            SELECT midnight + 86400000000
            FROM days
            WHERE midnight + 86400000000 < new.left_at
        )

        SELECT midnight FROM days
    ) AS cut;
END;

CREATE TRIGGER voice_sessions_deleted AFTER DELETE ON voice_sessions
WHEN old.left_at > old.joined_at
BEGIN
    DELETE FROM voice_segments
    WHERE (guild_id, channel_id, user_id, day, started_at) IN (
        SELECT
            old.guild_id,
            old.channel_id,
            old.user_id,
            CAST(STRFTIME('%Y%m%d', cut.midnight / 1000000, 'unixepoch') AS INTEGER) AS day,
            MAX(old.joined_at, cut.midnight) AS started_at
        FROM (
            WITH RECURSIVE days (midnight) AS (
                SELECT old.joined_at - (old.joined_at % 86400000000 + 86400000000) % 86400000000
                UNION ALL
                SELECT midnight + 86400000000
                FROM days
                WHERE midnight + 86400000000 < old.left_at
            )

            SELECT midnight FROM days
        ) AS cut
    );
END;

CREATE TRIGGER voice_sessions_corrected AFTER UPDATE ON voice_sessions
BEGIN
    DELETE FROM voice_segments
    WHERE
        old.left_at > old.joined_at
        AND (guild_id, channel_id, user_id, day, started_at) IN (
            SELECT
                old.guild_id,
                old.channel_id,
                old.user_id,
                CAST(STRFTIME('%Y%m%d', cut.midnight / 1000000, 'unixepoch') AS INTEGER) AS day,
                MAX(old.joined_at, cut.midnight) AS started_at
            FROM (
                WITH RECURSIVE days (midnight) AS (
                    SELECT old.joined_at - (old.joined_at % 86400000000 + 86400000000) % 86400000000
                    UNION ALL
                    SELECT midnight + 86400000000
                    FROM days
                    WHERE midnight + 86400000000 < old.left_at
                )

                SELECT midnight FROM days
            ) AS cut
        );
    INSERT INTO voice_segments (guild_id, day, channel_id, started_at, user_id, ended_at)
    SELECT
        new.guild_id,
        CAST(STRFTIME('%Y%m%d', cut.midnight / 1000000, 'unixepoch') AS INTEGER) AS day,
        new.channel_id,
        MAX(new.joined_at, cut.midnight) AS started_at,
        new.user_id,
        MIN(new.left_at, cut.midnight + 86400000000) AS ended_at
    FROM (
        WITH RECURSIVE days (midnight) AS (
            SELECT new.joined_at - (new.joined_at % 86400000000 + 86400000000) % 86400000000
            UNION ALL
            SELECT midnight + 86400000000
            FROM days
            WHERE midnight + 86400000000 < new.left_at
        )

        SELECT midnight FROM days
    ) AS cut
    WHERE new.left_at > new.joined_at;
END;

CREATE TRIGGER voice_segments_added AFTER INSERT ON voice_segments
BEGIN
    INSERT INTO voice_member_totals (guild_id, period, user_id, total)
    VALUES
    (new.guild_id, new.day, new.user_id, new.ended_at - new.started_at),
    (new.guild_id, new.day / 100, new.user_id, new.ended_at - new.started_at),
    (new.guild_id, new.day / 10000, new.user_id, new.ended_at - new.started_at),
    (new.guild_id, 0, new.user_id, new.ended_at - new.started_at)
    ON CONFLICT (guild_id, period, user_id) DO UPDATE SET total = total + excluded.total;
    INSERT INTO voice_channel_totals (guild_id, period, channel_id, total)
    VALUES
    (new.guild_id, new.day, new.channel_id, new.ended_at - new.started_at),
    (new.guild_id, new.day / 100, new.channel_id, new.ended_at - new.started_at),
    (new.guild_id, new.day / 10000, new.channel_id, new.ended_at - new.started_at),
    (new.guild_id, 0, new.channel_id, new.ended_at - new.started_at)
    ON CONFLICT (guild_id, period, channel_id) DO UPDATE SET total = total + excluded.total;
    INSERT INTO voice_hours (guild_id, hour, quarter_1, quarter_2, quarter_3, quarter_4)
    SELECT
        new.guild_id,
        new.day * 100 + hour AS hour,
        MAX(0, MIN(to_us, 900000000) - MAX(from_us, 0)) AS quarter_1,
        MAX(0, MIN(to_us, 1800000000) - MAX(from_us, 900000000)) AS quarter_2,
        MAX(0, MIN(to_us, 2700000000) - MAX(from_us, 1800000000)) AS quarter_3,
        MAX(0, MIN(to_us, 3600000000) - MAX(from_us, 2700000000)) AS quarter_4
    FROM (
        WITH RECURSIVE hours (hour, from_us, to_us) AS (
            SELECT
                (new.started_at % 86400000000 + 86400000000) % 86400000000 / 3600000000,
                (new.started_at % 3600000000 + 3600000000) % 3600000000,
                (new.started_at % 3600000000 + 3600000000) % 3600000000
                + new.ended_at - new.started_at
            UNION ALL
            SELECT
                hour + 1,
                0,
                to_us - 3600000000
            FROM hours
            WHERE to_us > 3600000000
        )

        SELECT
            hour,
            from_us,
            to_us
        FROM hours
    ) AS pieces
    WHERE TRUE
    ON CONFLICT (guild_id, hour) DO UPDATE SET
        quarter_1 = quarter_1 + excluded.quarter_1,
        quarter_2 = quarter_2 + excluded.quarter_2,
        quarter_3 = quarter_3 + excluded.quarter_3,
        quarter_4 = quarter_4 + excluded.quarter_4;
END;

CREATE TRIGGER voice_segments_taken AFTER DELETE ON voice_segments
BEGIN
    UPDATE voice_member_totals
    SET total = total - (old.ended_at - old.started_at)
    WHERE
        guild_id = old.guild_id
        AND period IN (old.day, old.day / 100, old.day / 10000, 0)
        AND user_id = old.user_id;
    DELETE FROM voice_member_totals
    WHERE
        guild_id = old.guild_id
        AND period IN (old.day, old.day / 100, old.day / 10000, 0)
        AND user_id = old.user_id
        AND total = 0;
    UPDATE voice_channel_totals
    SET total = total - (old.ended_at - old.started_at)
    WHERE
        guild_id = old.guild_id
        AND period IN (old.day, old.day / 100, old.day / 10000, 0)
        AND channel_id = old.channel_id;
    DELETE FROM voice_channel_totals
    WHERE
        guild_id = old.guild_id
        AND period IN (old.day, old.day / 100, old.day / 10000, 0)
        AND channel_id = old.channel_id
        AND total = 0;
    UPDATE voice_hours
    SET
        quarter_1 = voice_hours.quarter_1 - gone.quarter_1,
        quarter_2 = voice_hours.quarter_2 - gone.quarter_2,
        quarter_3 = voice_hours.quarter_3 - gone.quarter_3,
        quarter_4 = voice_hours.quarter_4 - gone.quarter_4
    FROM (
        SELECT
            old.day * 100 + hour AS hour,
            MAX(0, MIN(to_us, 900000000) - MAX(from_us, 0)) AS quarter_1,
            MAX(0, MIN(to_us, 1800000000) - MAX(from_us, 900000000)) AS quarter_2,
            MAX(0, MIN(to_us, 2700000000) - MAX(from_us, 1800000000)) AS quarter_3,
            MAX(0, MIN(to_us, 3600000000) - MAX(from_us, 2700000000)) AS quarter_4
        FROM (
            WITH RECURSIVE hours (hour, from_us, to_us) AS (
                SELECT
                    (old.started_at % 86400000000 + 86400000000) % 86400000000 / 3600000000,
                    (old.started_at % 3600000000 + 3600000000) % 3600000000,
                    (old.started_at % 3600000000 + 3600000000) % 3600000000
                    + old.ended_at - old.started_at
                UNION ALL
                SELECT
                    hour + 1,
                    0,
                    to_us - 3600000000
                FROM hours
                WHERE to_us > 3600000000
            )

            SELECT
                hour,
                from_us,
                to_us
            FROM hours
        ) AS pieces
    ) AS gone
    WHERE voice_hours.guild_id = old.guild_id AND voice_hours.hour = gone.hour;
    DELETE FROM voice_hours
    WHERE
        guild_id = old.guild_id
        AND hour BETWEEN old.day * 100 AND old.day * 100 + 23
        AND quarter_1 = 0 AND quarter_2 = 0 AND quarter_3 = 0 AND quarter_4 = 0;
END;

-- The roll-ups answer what these served.
DROP INDEX voice_sessions_ended;
DROP INDEX voice_sessions_channel;
DROP INDEX voice_sessions_length;
