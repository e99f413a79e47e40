-- Rows that were inserted, updated or deleted so far: of timelines, and of which numbers are settled.
SELECT
    coalesce(sum(rows) FILTER (WHERE relname <> 'usage_progress'), 0)::bigint,
    coalesce(sum(rows) FILTER (WHERE relname = 'usage_progress'), 0)::bigint
FROM (
    SELECT relname, n_tup_ins + n_tup_upd + n_tup_del AS rows
    FROM pg_stat_user_tables
    WHERE relname IN ('usage_open', 'usage_progress') OR relname LIKE 'app\_usage%'
) AS written
