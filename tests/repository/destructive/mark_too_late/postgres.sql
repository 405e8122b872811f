SELECT 1;
-- destructive: nobody ever looked at them
DROP TABLE cats;
