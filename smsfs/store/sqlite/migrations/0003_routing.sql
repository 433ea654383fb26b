-- Several backends for one slice, and how each backend fares.

-- The backends that may send it, names with commas between them, the preferred one first; '' is just the one
-- in "backend".
ALTER TABLE slice ADD COLUMN chain TEXT NOT NULL DEFAULT '';
CREATE INDEX slice_movable ON slice (backend, chain) WHERE state = 'queued' AND chain <> '';

-- As each dispatcher sees its backends.
CREATE TABLE backend_state (
    owner INTEGER NOT NULL REFERENCES owner ON DELETE CASCADE,
    backend TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('up', 'down', 'open', 'half-open')),
    reason TEXT NOT NULL,
    since REAL NOT NULL,
    at REAL NOT NULL,                           -- when this was last seen
    PRIMARY KEY (owner, backend)
) STRICT;
