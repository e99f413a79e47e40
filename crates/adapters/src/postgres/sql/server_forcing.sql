-- Whether the server keeps what it has committed over a power cut, as it is set at this moment.
SELECT current_setting('fsync'), current_setting('full_page_writes')
