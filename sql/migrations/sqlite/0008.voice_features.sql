-- What servers ask for around voice: roles for time, boards that post themselves, resets that can
-- be undone, and who has left.

-- A role for members with enough time (least) or the most of it (top) within a range.
CREATE TABLE voice_rewards (
    guild_id INTEGER NOT NULL,
    role_id INTEGER NOT NULL,
    look_back TEXT NOT NULL,
    least INTEGER,
    top INTEGER,
    enabled INTEGER NOT NULL CONSTRAINT voice_rewards_enabled_bool CHECK (enabled IN (0, 1)),
    ending INTEGER NOT NULL CONSTRAINT voice_rewards_ending_bool CHECK (ending IN (0, 1)),
    due_at INTEGER NOT NULL,
    problem TEXT,
    PRIMARY KEY (guild_id, role_id),
    CONSTRAINT voice_rewards_one_measure CHECK ((least IS NULL) <> (top IS NULL))
) STRICT, WITHOUT ROWID;

-- Who holds such a role; given is false where they had it before the bot came to give it. Outlives
-- nothing but the rule: what is not here was not given by the bot.
CREATE TABLE voice_reward_holders (
    guild_id INTEGER NOT NULL,
    role_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    given INTEGER NOT NULL CONSTRAINT voice_reward_holders_given_bool CHECK (given IN (0, 1)),
    checked_at INTEGER NOT NULL,
    PRIMARY KEY (guild_id, role_id, user_id)
) STRICT, WITHOUT ROWID;

-- Boards in a channel: one that posts itself on a schedule (kind day, week or month), and one that
-- is kept current (kind live).
CREATE TABLE voice_boards (
    guild_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    hour INTEGER NOT NULL,
    weekday INTEGER NOT NULL,
    look_back TEXT NOT NULL,
    minutes INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    message_id INTEGER,
    shown TEXT,
    problem TEXT,
    PRIMARY KEY (guild_id, channel_id, kind),
    CONSTRAINT voice_boards_hour CHECK (hour BETWEEN 0 AND 23),
    CONSTRAINT voice_boards_weekday CHECK (weekday BETWEEN 0 AND 6),
    CONSTRAINT voice_boards_minutes CHECK (minutes > 0)
) STRICT, WITHOUT ROWID;

-- Resets: what was asked for, how far it has come, and how much it took.
CREATE TABLE voice_removals (
    guild_id INTEGER NOT NULL,
    removal_id INTEGER NOT NULL,
    asked_by INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    phase TEXT NOT NULL,
    user_id INTEGER,
    channel_id INTEGER,
    since INTEGER,
    until INTEGER NOT NULL,
    sessions INTEGER NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (guild_id, removal_id)
) STRICT, WITHOUT ROWID;

-- The sessions a reset took, for a day.
CREATE TABLE voice_removed_sessions (
    guild_id INTEGER NOT NULL,
    removal_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    joined_at INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    left_at INTEGER NOT NULL,
    PRIMARY KEY (guild_id, removal_id, user_id, joined_at)
) STRICT, WITHOUT ROWID;

-- Members who were found to have left, and what they were called.
CREATE TABLE voice_departures (
    guild_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    name TEXT,
    checked_at INTEGER NOT NULL,
    PRIMARY KEY (guild_id, user_id)
) STRICT, WITHOUT ROWID;
