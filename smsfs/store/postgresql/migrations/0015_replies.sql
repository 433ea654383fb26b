-- Replies that are shown as files, each once; those that are there already are not, and those that the version
-- before stores during an upgrade are.
ALTER TABLE reply ADD COLUMN shown BIGINT NOT NULL DEFAULT 1;
ALTER TABLE reply ALTER COLUMN shown SET DEFAULT 0;
CREATE INDEX reply_unshown ON reply (account, id) WHERE shown = 0;
