-- A month's partition as a table by itself, without what makes writing slow: new, or taken out of app_usage.
CREATE OR REPLACE FUNCTION pg_temp.grow_prepare(month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    partition CONSTANT text := 'app_usage_' || to_char(month, 'YYYY_MM');
    slow text;
BEGIN
    IF to_regclass(partition) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE app_usage INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition);
        RETURN;
    END IF;
    EXECUTE format('ALTER TABLE app_usage DETACH PARTITION %I', partition);
    FOR slow IN
        SELECT conname FROM pg_constraint WHERE conrelid = partition::regclass AND contype IN ('p', 'u', 'x')
    LOOP
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', partition, slow);
    END LOOP;
END;
$$;

-- So many pieces of each person in a month, in the order of time, as they would have come: each has at most 45 minutes and a gap on either side, and is
-- cut at UTC midnight. Then the key.
CREATE OR REPLACE FUNCTION pg_temp.grow_fill(month date, users uuid[], devices uuid[], pieces integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    partition CONSTANT text := 'app_usage_' || to_char(month, 'YYYY_MM');
    lower_bound CONSTANT timestamptz := month::timestamp AT TIME ZONE 'UTC';
    slot_secs CONSTANT double precision := extract(epoch FROM month + interval '1 month' - month) / pieces;
    key text;
BEGIN
    EXECUTE format($insert$
        INSERT INTO %I (user_id, device_id, attention, precedence, app_name, domain, start_time, end_time)
        SELECT user_id, device_id, 1, 1,
            CASE WHEN app < 16 THEN 'Application ' || app ELSE 'Browser' END,
            CASE WHEN app < 16 THEN NULL ELSE 'site-' || app || '.example.org' END,
            start_time,
            least(
                start_time + date_trunc('milliseconds', length),
                (date_trunc('day', start_time AT TIME ZONE 'UTC') + interval '1 day') AT TIME ZONE 'UTC'
            )
        FROM (
            SELECT user_id, device_id,
                date_trunc('milliseconds', $1 + $2 * (slot + 0.3 * random()) * interval '1 second') AS start_time,
                least($2 * 0.6, 2700) * (0.1 + 0.9 * random()) * interval '1 second' AS length,
                floor(24 * random())::integer AS app
            FROM unnest($3, $4) AS person (user_id, device_id)
            CROSS JOIN generate_series(0, $5 - 1) AS slot
        ) AS piece
        ORDER BY start_time
    $insert$, partition) USING lower_bound, slot_secs, users, devices, pieces;
    FOR key IN
        SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'app_usage'::regclass AND contype = 'p'
    LOOP
        EXECUTE format('ALTER TABLE %I ADD %s', partition, key);
    END LOOP;
END;
$$;

-- The partition in its place. Whatever else app_usage has, it gets here.
CREATE OR REPLACE FUNCTION pg_temp.grow_attach(month date) RETURNS void LANGUAGE plpgsql SET timezone = 'UTC' AS $$
BEGIN
    EXECUTE format(
        'ALTER TABLE app_usage ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        'app_usage_' || to_char(month, 'YYYY_MM'), month::timestamptz, (month + interval '1 month')::timestamptz
    );
END;
$$;

SET work_mem = '256MB';
SET maintenance_work_mem = '256MB';
