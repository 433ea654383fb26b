-- Work that one process of all hosts does, and which.
CREATE TABLE leader (
    what TEXT PRIMARY KEY,
    owner INTEGER NOT NULL
) STRICT;

-- The result file of an accepted batch, as the account wanted one. "changes" counts the commits that had
-- news of its messages, "written" how many of them its file shows.
CREATE TABLE result (
    batch INTEGER PRIMARY KEY REFERENCES batch,
    file INTEGER REFERENCES file ON DELETE SET NULL,
    changes INTEGER NOT NULL DEFAULT 1,
    written INTEGER NOT NULL DEFAULT 0,
    final INTEGER NOT NULL DEFAULT 0,           -- nothing is written any more, though the client deletes it
    not_before REAL NOT NULL DEFAULT 0,         -- changes wait until then
    until REAL NOT NULL DEFAULT 0               -- then it is written anew, changes or not
) STRICT;
CREATE INDEX result_changed ON result (not_before) WHERE final = 0 AND changes > written;
CREATE INDEX result_until ON result (until) WHERE final = 0;
CREATE INDEX result_of_file ON result (file);
