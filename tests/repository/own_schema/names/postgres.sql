CREATE TABLE IF NOT EXISTS public.cats (id BIGINT REFERENCES public.owners (id));
ALTER TABLE IF EXISTS ONLY public.cats ADD COLUMN name TEXT;
DROP TABLE dogs, "public"."cats", public.owners;
INSERT INTO public.cats (id) SELECT d.id FROM public.dogs AS d JOIN public.owners AS o ON o.id = d.id;
UPDATE public.cats AS c SET id = d.id FROM public.dogs AS d WHERE c.id = d.id;
DELETE FROM ONLY public.cats;
CREATE UNIQUE INDEX one ON public.cats (id);
CREATE VIEW public.seen AS SELECT id FROM dogs, public.cats;
CREATE TRIGGER fed AFTER UPDATE OF id ON public.cats
FOR EACH ROW EXECUTE FUNCTION public.feed();
ALTER TABLE cats ATTACH PARTITION public.kittens DEFAULT;
SELECT 1 WHERE EXISTS (SELECT 1 FROM pwrbot.cats);
TRUNCATE public.cats;
ALTER TABLE cats SET SCHEMA public;
DELETE FROM dogs AS d USING public.cats AS c WHERE c.id = d.id;
COPY public.cats FROM STDIN;
CALL public.feed();
