DELETE FROM cats WHERE age > 20;
UPDATE cats SET name = 'DROP TABLE dogs; -- no';
