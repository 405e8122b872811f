CREATE TABLE cats (id BIGINT, born TIMESTAMPTZ, CHECK (id IS DISTINCT FROM cats.id));
CREATE INDEX born ON cats (EXTRACT(YEAR FROM cats.born));
INSERT INTO cats (id)
SELECT EXTRACT(EPOCH FROM d.born)
FROM dogs AS d
JOIN owners AS o ON o.id = d.id AND d.born IS NOT DISTINCT FROM o.born
WHERE TRIM(LEADING 'x' FROM o.name) = 'public.cats' AND d.id = (SELECT c.id FROM cats AS c)
ON CONFLICT (id) DO UPDATE SET id = excluded.id;
UPDATE cats AS c SET id = d.id FROM dogs AS d WHERE c.id = d.id;
SELECT c.id FROM cats AS c FOR UPDATE OF c;
CREATE TABLE kittens PARTITION OF cats FOR VALUES FROM (1) TO (2);
CREATE TRIGGER fed AFTER UPDATE OF id ON cats FOR EACH ROW EXECUTE FUNCTION feed();
-- public.cats
UPDATE cats SET schema = 'public';
ALTER TABLE cats ALTER COLUMN id TYPE TEXT USING cats.id::TEXT;
