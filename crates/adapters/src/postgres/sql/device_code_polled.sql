-- Notes that a device asked; one that asked too soon has to wait longer from then on, up to a bound.
UPDATE device_codes
SET polled_at = $2, interval_secs = least(interval_secs + $3, $4)
WHERE device_hash = $1 AND user_id IS NULL
