-- A device that waits, if there is room. What stands at the end is of nobody yet.
SELECT device_codes_keep(ROW($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, NULL, NULL, NULL)::device_codes, $10, $11)
