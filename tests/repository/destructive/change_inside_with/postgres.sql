WITH gone AS (DELETE FROM ONLY cats RETURNING id)
SELECT count(*) AS total FROM gone;
