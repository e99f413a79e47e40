SELECT usage_ensure_month(($1::timestamptz AT TIME ZONE 'UTC')::date)
