-- What does not work.

-- Slices that are done with, since their messages cannot be read.
CREATE TABLE aside (
    slice BIGINT PRIMARY KEY REFERENCES slice ON DELETE CASCADE,
    reason TEXT NOT NULL,
    in_doubt BIGINT NOT NULL,                     -- 1: its messages may have left before
    at DOUBLE PRECISION NOT NULL
);

-- Processes of the pipeline that end again and again, by the process that starts them.
CREATE TABLE worker_state (
    owner BIGINT NOT NULL REFERENCES owner ON DELETE CASCADE,
    worker TEXT NOT NULL,
    reason TEXT NOT NULL,
    since DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (owner, worker)
);
