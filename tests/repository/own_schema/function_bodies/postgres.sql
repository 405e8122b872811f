CREATE FUNCTION feed() RETURNS TRIGGER LANGUAGE plpgsql AS $body$
BEGIN
    SELECT c.id INTO new.id FROM cats AS c WHERE c.id = new.id;
    INSERT INTO public.fed (id) VALUES (new.id);
    SET search_path = public;
    RETURN NULL;
END;
$body$;
