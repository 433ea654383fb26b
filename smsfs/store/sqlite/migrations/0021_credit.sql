-- The credit that is left with carriers, as they said when they were asked last.
CREATE TABLE backend_credit (
    backend TEXT PRIMARY KEY,
    credit TEXT NOT NULL,                       -- a decimal number, and behind a blank the currency if it is known
    at REAL NOT NULL,
    low INTEGER NOT NULL,                       -- 1: it is less than the configuration wants
    mailed INTEGER NOT NULL                     -- 1: somebody was told so by mail
) STRICT;
