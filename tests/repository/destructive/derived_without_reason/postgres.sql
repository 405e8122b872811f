-- derived cats:
DELETE FROM cats;
