INSERT INTO cats (id, name) VALUES (1, 'Tom')
ON CONFLICT (id) DO UPDATE SET name = excluded.name;
