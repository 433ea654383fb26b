-- Messages whose time is over are ended by the clock, whatever keeps their backend.
CREATE INDEX slice_overdue ON slice (expires) WHERE state = 'queued';
