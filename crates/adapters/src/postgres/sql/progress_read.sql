-- Not locked: whoever writes it holds the lock of the person.
SELECT progress.user_id, progress.device_id, progress.merged_through, progress.ahead
FROM unnest($1::uuid[], $2::uuid[]) AS numbered (user_id, device_id)
JOIN usage_progress AS progress ON progress.user_id = numbered.user_id AND progress.device_id = numbered.device_id
