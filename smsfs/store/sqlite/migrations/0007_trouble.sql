-- What does not work.

-- Slices that are done with, since their messages cannot be read.
CREATE TABLE aside (
    slice INTEGER PRIMARY KEY REFERENCES slice ON DELETE CASCADE,
    reason TEXT NOT NULL,
    in_doubt INTEGER NOT NULL,                     -- 1: its messages may have left before
    at REAL NOT NULL
) STRICT;

-- Processes of the pipeline that end again and again, by the process that starts them.
CREATE TABLE worker_state (
    owner INTEGER NOT NULL REFERENCES owner ON DELETE CASCADE,
    worker TEXT NOT NULL,
    reason TEXT NOT NULL,
    since REAL NOT NULL,
    PRIMARY KEY (owner, worker)
) STRICT;
