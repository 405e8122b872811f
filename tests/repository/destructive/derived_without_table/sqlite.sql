-- derived: dogs that meow
DELETE FROM cats;
