-- derived:
DELETE FROM cats;
