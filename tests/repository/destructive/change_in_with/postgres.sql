WITH old AS (
    SELECT id FROM cats WHERE age > 20
)
DELETE FROM cats WHERE id IN (SELECT id FROM old);
WITH old AS (SELECT 1 AS id)
UPDATE cats SET age = 0 WHERE id IN (SELECT id FROM old);
