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

-- name: forget_user :rows
-- Forgets which roles a user was given: nobody takes them back any more.
-- crosses guilds: what is kept about a user lies in all of them
-- scan voice_reward_holders: asked for by hand, once in a long while
DELETE FROM voice_reward_holders
WHERE user_id = :user_id;
