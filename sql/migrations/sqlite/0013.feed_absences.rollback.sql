DROP TABLE feed_absences;
