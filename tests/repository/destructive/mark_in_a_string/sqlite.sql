SELECT '
-- destructive: not really
' AS text;
DROP TABLE cats;
