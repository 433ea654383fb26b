-- Who may see the web page, and who is logged in there.

CREATE TABLE operator (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    password TEXT NOT NULL,                     -- argon2
    created REAL NOT NULL
) STRICT;

CREATE TABLE web_session (
    token BLOB PRIMARY KEY,                     -- SHA-256 of what the browser has
    operator INTEGER REFERENCES operator ON DELETE CASCADE,
    account INTEGER REFERENCES account ON DELETE CASCADE,
    closings INTEGER NOT NULL,                  -- of the account, when it logged in
    resets INTEGER NOT NULL,
    began REAL NOT NULL,
    seen REAL NOT NULL,                         -- its last request, to the minute
    CHECK ((operator IS NULL) <> (account IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX web_session_operator ON web_session (operator);
CREATE INDEX web_session_account ON web_session (account);

-- The newest files of an account.
CREATE INDEX batch_newest ON batch (account, id);
