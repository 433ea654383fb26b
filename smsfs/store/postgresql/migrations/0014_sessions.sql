-- What the sessions of a running process are marked with, by an advisory lock, so that they can be ended when
-- its lease is over; null of a process of the version before.
ALTER TABLE owner ADD COLUMN process INTEGER;
