-- Those who were erased before an instant, the earliest first.
SELECT user_id, erased_at, device_ids
FROM usage_erased
WHERE erased_at < $1
ORDER BY erased_at, user_id
LIMIT $2
