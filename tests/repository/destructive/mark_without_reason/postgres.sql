-- destructive:
DROP TABLE cats;
