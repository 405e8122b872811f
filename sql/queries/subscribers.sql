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
