-- name: add :many
-- Notes what a feed shows; one row for each id that it had not shown before.
INSERT INTO feed_item_ids (feed_id, item_id)
SELECT
    :feed_id AS feed_id,
    given.item_id
FROM UNNEST(:item_ids) AS given (item_id)
ON CONFLICT (feed_id, item_id) DO NOTHING
RETURNING item_id;
