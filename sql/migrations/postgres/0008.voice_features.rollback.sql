DROP TABLE voice_departures;
DROP TABLE voice_removed_sessions;
DROP TABLE voice_removals;
DROP TABLE voice_boards;
DROP TABLE voice_reward_holders;
DROP TABLE voice_rewards;
