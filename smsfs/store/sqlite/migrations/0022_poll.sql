-- How far the messages of a backend were asked about, where its carrier is asked what became of them.
CREATE TABLE poll (
    backend TEXT PRIMARY KEY,
    after INTEGER NOT NULL,                      -- the number of the last outcome that was looked at; -1: between two rounds
    began REAL NOT NULL                       -- when the round did
) STRICT;
