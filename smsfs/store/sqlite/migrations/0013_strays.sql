-- Drafts that are looked at for having been left where nothing comes of them.
CREATE INDEX file_draft ON file (account, id) WHERE state = 'draft';
