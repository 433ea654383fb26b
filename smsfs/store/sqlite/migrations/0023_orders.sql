-- What operators ordered about messages, and the record of all that they did.

-- Slices can be held, and stopped until it is known which of their messages an order concerns.
-- A condition that allows more can be changed in place: no row is written, and none that refers to one is lost.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(sql, '(''staged'', ''queued'', ''claimed'', ''done'')',
    '(''staged'', ''queued'', ''claimed'', ''stopped'', ''held'', ''done'')')
WHERE type = 'table' AND name = 'slice';
PRAGMA writable_schema = RESET;
-- The last order by which its messages were told apart: only later ones concern it.
ALTER TABLE slice ADD COLUMN orders INTEGER NOT NULL DEFAULT 0;
CREATE INDEX slice_stopped ON slice (id) WHERE state = 'stopped';
CREATE INDEX slice_held ON slice (batch) WHERE state = 'held';

-- Of a dispatcher, the last order that it has carried out: nothing of what that concerns leaves from it any more.
ALTER TABLE owner ADD COLUMN orders INTEGER;

-- Their numbers grow in the order of their commits. The last one that concerns a message counts, but for a
-- cancelled one, for which there is none after that.
CREATE TABLE orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    batch INTEGER NOT NULL REFERENCES batch ON DELETE CASCADE,
    action TEXT NOT NULL CHECK (action IN ('hold', 'release', 'cancel')),
    first_row INTEGER NOT NULL,
    last_row INTEGER NOT NULL,
    recipient INTEGER,                               -- an MSISDN; NULL: whoever it is
    at REAL NOT NULL,
    audit INTEGER NOT NULL
) STRICT;
CREATE INDEX orders_of_batch ON orders (batch, id);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    who TEXT NOT NULL,                          -- the operator
    origin TEXT NOT NULL,                       -- how and from where, such as "command on gateway1"
    verb TEXT NOT NULL,                         -- such as "file cancel"
    target TEXT NOT NULL,                       -- what it was done to
    options TEXT NOT NULL,                      -- JSON
    result TEXT                                 -- what came of it; NULL: it was broken off before that was known
) STRICT;
CREATE INDEX audit_at ON audit (at);
