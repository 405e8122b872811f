CREATE EXTENSION IF NOT EXISTS pg_trgm;
create role keeper;
DROP SCHEMA public CASCADE;
ALTER DATABASE pwrbot SET timezone = 'UTC';
GRANT SELECT ON cats TO keeper;
REVOKE ALL ON cats FROM keeper;
DROP OWNED BY keeper;
CREATE EVENT TRIGGER seen ON ddl_command_start EXECUTE FUNCTION look();
REASSIGN OWNED BY keeper TO bot;
