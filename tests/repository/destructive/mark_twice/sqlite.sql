-- destructive: nobody ever looked at them
-- derived: and they scratch
DROP TABLE cats;
