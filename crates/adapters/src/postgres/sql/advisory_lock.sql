-- Takes locks of one class until the end of the transaction, in the order given: those who take several give them in ascending order, so none waits in
-- a circle. A statement of its own, because a statement sees what was committed when it began, and what follows must see what the wait was for.
SELECT count(pg_advisory_xact_lock($1::integer, number))
FROM unnest($2::integer[]) AS locks (number)
