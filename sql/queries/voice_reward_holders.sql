-- name: of_reward :many
-- Who holds a role because of a rule.
SELECT
    guild_id,
    role_id,
    user_id,
    given,
    checked_at
FROM voice_reward_holders
WHERE guild_id = :guild_id AND role_id = :role_id
ORDER BY user_id;

-- name: clear :rows
-- Forgets who holds a role.
DELETE FROM voice_reward_holders
WHERE guild_id = :guild_id AND role_id = :role_id;
