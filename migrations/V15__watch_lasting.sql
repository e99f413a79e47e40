-- Which events last for long. What overlaps an instant starts at most an hour before it, or is one of these: so one event of days does not make every read of its
-- bucket go back for days.
CREATE TABLE watch_lasting (
    user_id uuid NOT NULL,
    bucket bigint NOT NULL,
    id bigint NOT NULL,
    CONSTRAINT watch_lasting_pkey PRIMARY KEY (user_id, bucket, id),
    CONSTRAINT watch_lasting_event_fkey FOREIGN KEY (user_id, bucket, id) REFERENCES watch_events (user_id, bucket, id) ON DELETE CASCADE
);

INSERT INTO watch_lasting (user_id, bucket, id)
SELECT user_id, bucket, id FROM watch_events WHERE end_us - start_us > 3600000000;

ALTER TABLE watch_buckets DROP COLUMN longest_us;

-- What is old is found bucket by bucket. This one is of everybody's events together, and where the planner knew of few people it took it for those of one bucket.
DROP INDEX watch_events_start_us_idx;

SELECT isolate_table('watch_lasting');

CREATE POLICY watch_lasting_own ON watch_lasting TO daybook_api
    USING (user_id = (SELECT current_user_id())) WITH CHECK (user_id = (SELECT current_user_id()));
CREATE POLICY watch_lasting_worker ON watch_lasting FOR SELECT TO daybook_worker USING (true);
-- They go with their events.
GRANT SELECT, INSERT ON watch_lasting TO daybook_api;
GRANT SELECT ON watch_lasting TO daybook_worker;

-- Buckets stay when their events are forgotten.
REVOKE DELETE ON watch_buckets FROM daybook_worker;
