-- What each statement is to go along, so that none reads a table that grows from end to end.

-- Slices with something left to do: few, whatever the table holds.
CREATE INDEX slice_open ON slice (batch) WHERE state <> 'done';
-- What an account's retention deletes next.
DROP INDEX file_finished;
CREATE INDEX file_finished ON file (account, finished) WHERE finished IS NOT NULL;
CREATE INDEX batch_expiry ON batch (account, finished) WHERE finished IS NOT NULL;
-- What keeps an account from being removed, and what goes with it.
CREATE INDEX file_processing ON file (account) WHERE state = 'processing';
CREATE INDEX notice_of_account ON notice (account);
-- Parts of replies that were put together.
CREATE INDEX reply_part_joined ON reply_part (reply) WHERE reply IS NOT NULL;
CREATE INDEX reply_part_old ON reply_part (at) WHERE reply IS NOT NULL;
