-- Says for the rest of the transaction whom or what it is for; the policies of the tables read it. It ends with the transaction, so no connection carries it on.
SELECT set_config($1, $2, true)
