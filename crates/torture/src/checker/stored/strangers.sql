-- How many pieces there are of each user who is not among those given.
SELECT user_id, count(*)
FROM (
    SELECT user_id FROM app_usage
    UNION ALL
    SELECT user_id FROM usage_open
) AS pieces
WHERE user_id <> ALL ($1::uuid[])
GROUP BY user_id
ORDER BY user_id
