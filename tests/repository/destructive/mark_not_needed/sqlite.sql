-- destructive: one never knows
CREATE TABLE dogs (id INTEGER);
