-- Who was erased, as long as pings of theirs may still come out of the queue: a merge drops what arrives of these people.
CREATE TABLE usage_erased (
    user_id uuid NOT NULL,
    erased_at timestamptz NOT NULL,
    -- The devices that had numbered their pings: what the queue may still be told of them is forgotten with this row.
    device_ids uuid[] NOT NULL,
    CONSTRAINT usage_erased_pkey PRIMARY KEY (user_id)
);
CREATE INDEX usage_erased_erased_at_idx ON usage_erased (erased_at, user_id);

SELECT isolate_table('usage_erased');

-- The person writes it by asking to be erased; the worker heeds it, and forgets it.
CREATE POLICY usage_erased_own ON usage_erased TO daybook_api
    USING (user_id = (SELECT current_user_id())) WITH CHECK (user_id = (SELECT current_user_id()));
CREATE POLICY usage_erased_worker ON usage_erased TO daybook_worker USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE ON usage_erased TO daybook_api;
GRANT SELECT, DELETE ON usage_erased TO daybook_worker;
