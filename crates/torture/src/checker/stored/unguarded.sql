-- Partitions of app_usage that have no exclusion constraint, or one that not all rows were held against.
SELECT inhrelid::regclass::text
FROM pg_inherits
WHERE inhparent = 'app_usage'::regclass
    AND NOT EXISTS (
        SELECT FROM pg_constraint WHERE conrelid = inhrelid AND contype = 'x' AND convalidated
    )
ORDER BY 1
