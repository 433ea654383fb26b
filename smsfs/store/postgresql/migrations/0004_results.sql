-- Work that one process of all hosts does, and which.
CREATE TABLE leader (
    what TEXT PRIMARY KEY,
    owner BIGINT NOT NULL
);

-- The result file of an accepted batch, as the account wanted one. "changes" counts the commits that had
-- news of its messages, "written" how many of them its file shows.
CREATE TABLE result (
    batch BIGINT PRIMARY KEY REFERENCES batch,
    file BIGINT REFERENCES file ON DELETE SET NULL,
    changes BIGINT NOT NULL DEFAULT 1,
    written BIGINT NOT NULL DEFAULT 0,
    final BIGINT NOT NULL DEFAULT 0,            -- nothing is written any more, though the client deletes it
    not_before DOUBLE PRECISION NOT NULL DEFAULT 0, -- changes wait until then
    until DOUBLE PRECISION NOT NULL DEFAULT 0   -- then it is written anew, changes or not
);
CREATE INDEX result_changed ON result (not_before) WHERE final = 0 AND changes > written;
CREATE INDEX result_until ON result (until) WHERE final = 0;
CREATE INDEX result_of_file ON result (file);
