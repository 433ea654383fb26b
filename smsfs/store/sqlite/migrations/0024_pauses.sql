-- Backends that operators paused: nothing goes to them, on any host, until they are resumed.
CREATE TABLE backend_pause (
    backend TEXT PRIMARY KEY,
    mode TEXT NOT NULL CHECK (mode IN ('paused', 'draining')),
    who TEXT NOT NULL,
    reason TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;
