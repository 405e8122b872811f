-- derived cats: dogs that meow
DELETE FROM cats;
