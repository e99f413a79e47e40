-- Sessions that have ended, kept in the transaction that ends them until every node knows. What a crash before the announcement leaves to be told.
-- Rows are pruned after an hour; they say nothing of whose session it was.

CREATE TABLE ended_sessions (
    session_id uuid NOT NULL,
    ended_at timestamptz NOT NULL,
    CONSTRAINT ended_sessions_pkey PRIMARY KEY (session_id)
);

CREATE INDEX ended_sessions_ended_at_session_id_idx ON ended_sessions (ended_at, session_id);

GRANT SELECT, INSERT, DELETE ON ended_sessions TO daybook_api;
