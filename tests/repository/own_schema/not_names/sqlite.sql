CREATE TRIGGER fed AFTER UPDATE ON cats
BEGIN
    INSERT INTO dogs (id) SELECT c.id FROM cats AS c JOIN owners AS o ON o.id = c.id WHERE o.id = new.id;
    UPDATE dogs SET id = new.id WHERE dogs.id = old.id;
END;
