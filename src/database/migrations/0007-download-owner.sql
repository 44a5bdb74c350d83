-- Where the pid of a download's owner means anything, and which of several processes with that pid it was: containers may share a
-- host name without seeing each other's processes. Null in rows of earlier versions: their heartbeat alone tells.
alter table download add column owner_place text, add column owner_token text;
