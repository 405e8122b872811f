-- What servers ask for around voice: roles for time, boards that post themselves, resets that can
-- be undone, and who has left.

-- A role for members with enough time (least) or the most of it (top) within a range.
CREATE TABLE voice_rewards (
    guild_id BIGINT NOT NULL,
    role_id BIGINT NOT NULL,
    look_back TEXT NOT NULL,
    least INTERVAL,
    top BIGINT,
    enabled BOOLEAN NOT NULL,
    ending BOOLEAN NOT NULL,
    due_at TIMESTAMPTZ NOT NULL,
    problem TEXT,
    PRIMARY KEY (guild_id, role_id),
    CONSTRAINT voice_rewards_one_measure CHECK ((least IS NULL) <> (top IS NULL))
);

-- Who holds such a role; given is false where they had it before the bot came to give it. Outlives
-- nothing but the rule: what is not here was not given by the bot.
CREATE TABLE voice_reward_holders (
    guild_id BIGINT NOT NULL,
    role_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    given BOOLEAN NOT NULL,
    checked_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (guild_id, role_id, user_id)
);

-- Boards in a channel: one that posts itself on a schedule (kind day, week or month), and one that
-- is kept current (kind live).
CREATE TABLE voice_boards (
    guild_id BIGINT NOT NULL,
    channel_id BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    hour BIGINT NOT NULL,
    weekday BIGINT NOT NULL,
    look_back TEXT NOT NULL,
    minutes BIGINT NOT NULL,
    next_at TIMESTAMPTZ NOT NULL,
    message_id BIGINT,
    shown TEXT,
    problem TEXT,
    PRIMARY KEY (guild_id, channel_id, kind),
    CONSTRAINT voice_boards_hour CHECK (hour BETWEEN 0 AND 23),
    CONSTRAINT voice_boards_weekday CHECK (weekday BETWEEN 0 AND 6),
    CONSTRAINT voice_boards_minutes CHECK (minutes > 0)
);

-- Resets: what was asked for, how far it has come, and how much it took.
CREATE TABLE voice_removals (
    guild_id BIGINT NOT NULL,
    removal_id BIGINT NOT NULL,
    asked_by BIGINT NOT NULL,
    asked_at TIMESTAMPTZ NOT NULL,
    phase TEXT NOT NULL,
    user_id BIGINT,
    channel_id BIGINT,
    since TIMESTAMPTZ,
    until TIMESTAMPTZ NOT NULL,
    sessions BIGINT NOT NULL,
    total INTERVAL NOT NULL,
    PRIMARY KEY (guild_id, removal_id)
);

-- The sessions a reset took, for a day.
CREATE TABLE voice_removed_sessions (
    guild_id BIGINT NOT NULL,
    removal_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    joined_at TIMESTAMPTZ NOT NULL,
    channel_id BIGINT NOT NULL,
    left_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (guild_id, removal_id, user_id, joined_at)
);

-- Members who were found to have left, and what they were called.
CREATE TABLE voice_departures (
    guild_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    name TEXT,
    checked_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (guild_id, user_id)
);
