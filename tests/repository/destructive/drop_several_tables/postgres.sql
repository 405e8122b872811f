CREATE TABLE mine (id BIGINT);
DROP TABLE mine, cats, "Dogs" RESTRICT;
