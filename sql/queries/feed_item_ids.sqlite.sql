-- name: add :many
-- Notes what a feed shows; one row for each id that it had not shown before.
INSERT INTO feed_item_ids (feed_id, item_id)
SELECT
    :feed_id AS feed_id,
    value AS item_id
FROM JSON_EACH(:item_ids)
WHERE TRUE
ON CONFLICT (feed_id, item_id) DO NOTHING
RETURNING item_id;
