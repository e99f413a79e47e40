-- What one person did in a stretch of time, by app and site.
SELECT app_name, domain, sum(extract(epoch FROM least(end_time, to_timestamp($3::double precision)) - greatest(start_time, to_timestamp($2::double precision))))::double precision
FROM (
    SELECT app_name, domain, start_time, end_time
    FROM app_usage
    WHERE user_id = $1 AND start_time > to_timestamp($2::double precision) - interval '24 hours' AND start_time < to_timestamp($3::double precision) AND end_time > to_timestamp($2::double precision)
    UNION ALL
    SELECT app_name, domain, start_time, end_time
    FROM usage_open
    WHERE user_id = $1 AND start_time < to_timestamp($3::double precision) AND end_time > to_timestamp($2::double precision)
) AS piece
GROUP BY app_name, domain
