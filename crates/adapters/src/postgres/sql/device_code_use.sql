DELETE FROM device_codes WHERE device_hash = $1
