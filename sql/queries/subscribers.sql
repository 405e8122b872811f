-- name: by_target :maybe
-- The subscriber that stands for this user ('dm') or this guild ('guild').
SELECT
    kind,
    target_id,
    id
FROM subscribers
WHERE kind = :kind AND target_id = :target_id;

-- name: ensure :one
-- The subscriber for this target, made if there was none: two at once get the same.
INSERT INTO subscribers (kind, target_id)
VALUES (:kind, :target_id)
ON CONFLICT (kind, target_id) DO UPDATE SET target_id = excluded.target_id
RETURNING
    kind,
    target_id,
    id;

-- name: servers :many
-- The servers on one of :shard_ids of :shard_count shards. A guild's shard is its id / 2^22 modulo
-- their number (pwrbot/shards.py).
SELECT
    kind,
    target_id,
    id
FROM subscribers
WHERE kind = 'guild' AND target_id / 4194304 % :shard_count IN (:shard_ids)
ORDER BY target_id;
