-- destructive: nobody ever looked at them
-- destructive: and they scratch
DROP TABLE cats;
