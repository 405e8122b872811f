CREATE TABLE server_settings (
    guild_id INTEGER PRIMARY KEY,
    settings TEXT NOT NULL
);
INSERT OR IGNORE INTO server_settings (guild_id, settings)
SELECT
    CAST(SUBSTR(target_id, 1, INSTR(target_id, ':') - 1) AS INTEGER),
    JSON_OBJECT('channel_id', SUBSTR(target_id, INSTR(target_id, ':') + 1))
FROM subscribers
WHERE type = 'guild' AND INSTR(target_id, ':') > 0
GROUP BY SUBSTR(target_id, 1, INSTR(target_id, ':') - 1);
CREATE TEMP TABLE moved AS
SELECT
    s.id AS old_id,
    (
        SELECT MIN(k.id)
        FROM subscribers AS k
        WHERE
            k.type = 'guild'
            AND SUBSTR(k.target_id, 1, INSTR(k.target_id, ':'))
            = SUBSTR(s.target_id, 1, INSTR(s.target_id, ':'))
    ) AS new_id
FROM subscribers AS s
WHERE s.type = 'guild' AND INSTR(s.target_id, ':') > 0;
UPDATE OR IGNORE feed_subscriptions
SET subscriber_id = (SELECT m.new_id FROM moved AS m WHERE m.old_id = subscriber_id)
WHERE subscriber_id IN (SELECT m.old_id FROM moved AS m WHERE m.old_id <> m.new_id);
DELETE FROM feed_subscriptions
WHERE subscriber_id IN (SELECT m.old_id FROM moved AS m WHERE m.old_id <> m.new_id);
DELETE FROM subscribers
WHERE id IN (SELECT m.old_id FROM moved AS m WHERE m.old_id <> m.new_id);
UPDATE subscribers
SET target_id = SUBSTR(target_id, 1, INSTR(target_id, ':') - 1)
WHERE type = 'guild' AND INSTR(target_id, ':') > 0;
DROP TABLE moved;
