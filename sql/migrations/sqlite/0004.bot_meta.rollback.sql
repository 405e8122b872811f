DROP TABLE bot_meta;
