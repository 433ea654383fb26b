-- Accounts take turns, at intake and at dispatch.

-- Whose turn a file waits for: twice the account that pays, and one more if it is large.
ALTER TABLE batch ADD COLUMN lane INTEGER NOT NULL DEFAULT 0;
-- Readers that died over it one after the other.
ALTER TABLE batch ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
UPDATE batch SET lane = (SELECT 2 * coalesce(parent, id) FROM account WHERE id = batch.account)
    + CASE WHEN (SELECT size FROM file WHERE id = batch.file) > 65536 THEN 1 ELSE 0 END;
DROP INDEX batch_waiting;
CREATE INDEX batch_lane ON batch (lane, not_before, id) WHERE state = 'pending';

-- The account that pays for the messages.
ALTER TABLE slice ADD COLUMN principal INTEGER NOT NULL DEFAULT 0;
UPDATE slice SET principal = (SELECT lane / 2 FROM batch WHERE id = slice.batch) WHERE state <> 'done';
DROP INDEX slice_oldest;
DROP INDEX slice_first;
CREATE INDEX slice_oldest ON slice (backend, principal, not_before, id) WHERE state = 'queued';
CREATE INDEX slice_first ON slice (backend, principal, seq, not_before, id) WHERE state = 'queued';
