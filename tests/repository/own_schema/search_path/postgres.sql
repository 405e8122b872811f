SET search_path = public;
SET LOCAL "search_path" TO public;
SELECT set_config('search_path', 'public', true);
CREATE FUNCTION one() RETURNS INTEGER LANGUAGE sql SET search_path FROM CURRENT AS $$ SELECT 1 $$;
CREATE FUNCTION two() RETURNS INTEGER LANGUAGE sql
SET search_path = public AS $$ SELECT 2 $$;
SET SCHEMA 'public';
