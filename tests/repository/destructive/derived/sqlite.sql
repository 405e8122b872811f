-- derived: cats are dogs that meow
DELETE FROM cats;
