-- derived cats: dogs that meow
DELETE FROM cats;
DELETE FROM dogs;
DROP TABLE cats;
