-- One person's points in a stretch of time, in few rows: one for all points that are equal in everything but their instants. Thousands of points in a month have
-- a few dozen contexts, and rows are what costs the reader. The order keeps the planner to the key, see closed_read.
SELECT device_id, attention, precedence, patience_ms, app_name, domain, kind, category, project, branch, language, last_project, last_branch, last_language,
    editor, machine, operating_system, is_write, array_agg(at)
FROM (
    SELECT device_id, at, attention, precedence, patience_ms, app_name, domain, kind, category, project, branch, language, last_project, last_branch, last_language,
        editor, machine, operating_system, is_write
    FROM heartbeats
    WHERE user_id = $1 AND at >= $2 AND at < $3
    ORDER BY at
) AS point
GROUP BY device_id, attention, precedence, patience_ms, app_name, domain, kind, category, project, branch, language, last_project, last_branch, last_language,
    editor, machine, operating_system, is_write
