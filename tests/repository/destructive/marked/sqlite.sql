-- Cats are gone.
-- destructive: nobody ever looked at them

DROP TABLE cats;
