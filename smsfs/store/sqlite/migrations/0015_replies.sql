-- Replies that are shown as files, each once; those that are there already are not.
ALTER TABLE reply ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;
UPDATE reply SET shown = 1;
CREATE INDEX reply_unshown ON reply (account, id) WHERE shown = 0;
