-- Accounts, their files, and the queue of a single host. Times are seconds since the epoch, UTC.

-- An id is never given twice: a session of a removed account must not see the next one's files.
CREATE TABLE account (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    dialect TEXT NOT NULL,
    password TEXT,                              -- argon2 hash; NULL: no password login
    disabled INTEGER NOT NULL DEFAULT 0,
    settings TEXT NOT NULL DEFAULT '{}',        -- JSON object; absent keys have the dialect's defaults
    created REAL NOT NULL
) STRICT;

CREATE TABLE account_key (
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    line TEXT NOT NULL,                         -- as in OpenSSH's authorized_keys
    PRIMARY KEY (account, line)
) STRICT;

CREATE TABLE host_key (
    kind TEXT PRIMARY KEY,
    private TEXT NOT NULL                       -- OpenSSH PEM
) STRICT;

-- A running process. Its id is its term: later processes have larger ones, and none is given twice.
CREATE TABLE owner (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    since REAL NOT NULL
) STRICT;

CREATE TABLE file (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL REFERENCES account,
    folder TEXT NOT NULL,                       -- '' for the root
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('draft', 'processing', 'success', 'rejected', 'consumed')),
    content TEXT NOT NULL,
    size INTEGER NOT NULL,                      -- of the client's bytes; a draft being written is measured
    tail BLOB NOT NULL DEFAULT x'',             -- what smsfs shows behind them
    mtime REAL NOT NULL,
    cut INTEGER NOT NULL DEFAULT 0,             -- an upload was cut off: the newest writer of that time
    finished REAL,                              -- when it left 'processing'
    UNIQUE (account, folder, name)
) STRICT;
CREATE INDEX file_finished ON file (finished) WHERE finished IS NOT NULL;

CREATE TABLE usage (
    account INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;
CREATE TRIGGER usage_of_new_account AFTER INSERT ON account BEGIN
    INSERT INTO usage VALUES (new.id, 0, 0);
END;
CREATE TRIGGER usage_of_new_file AFTER INSERT ON file BEGIN
    UPDATE usage SET files = files + 1, bytes = bytes + new.size WHERE account = new.account;
END;
CREATE TRIGGER usage_of_sized_file AFTER UPDATE OF size ON file BEGIN
    UPDATE usage SET bytes = bytes + new.size - old.size WHERE account = new.account;
END;
CREATE TRIGGER usage_of_gone_file AFTER DELETE ON file BEGIN
    UPDATE usage SET files = files - 1, bytes = bytes - old.size WHERE account = old.account;
END;

-- A file that is open for writing, by which process.
CREATE TABLE writer (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
    owner INTEGER NOT NULL REFERENCES owner
) STRICT;
CREATE INDEX writer_of_file ON writer (file);
CREATE INDEX writer_of_owner ON writer (owner);

-- The name under which a file was submitted; it answers for a while.
CREATE TABLE alias (
    account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    path TEXT NOT NULL,
    file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
    until REAL NOT NULL,
    PRIMARY KEY (account, path)
) STRICT;
CREATE INDEX alias_of_file ON alias (file);

CREATE TABLE batch (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL REFERENCES account,
    file INTEGER REFERENCES file ON DELETE SET NULL,
    path TEXT NOT NULL,                         -- as last shown to the client
    stem TEXT NOT NULL,
    flags TEXT NOT NULL,                        -- JSON array
    state TEXT NOT NULL CHECK (state IN ('pending', 'reading', 'accepted', 'rejected')),
    submitted REAL NOT NULL,
    not_before REAL NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,        -- of ours, not the file's
    owner INTEGER,                              -- who reads it, or did last
    messages INTEGER NOT NULL DEFAULT 0,
    digest BLOB,
    causes TEXT NOT NULL DEFAULT '[]',          -- JSON: the first causes
    cause_count INTEGER NOT NULL DEFAULT 0,
    finished REAL
) STRICT;
CREATE INDEX batch_waiting ON batch (not_before) WHERE state IN ('pending', 'reading');
CREATE INDEX batch_read ON batch (owner) WHERE state = 'reading';
CREATE INDEX batch_of_file ON batch (file);
CREATE INDEX batch_of_account ON batch (account, stem);
CREATE INDEX batch_finished ON batch (finished) WHERE finished IS NOT NULL;

-- Up to 500 messages of a batch: the unit of claim and retry. The messages stand apart, so that a change
-- of state writes few bytes.
CREATE TABLE slice (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    batch INTEGER NOT NULL REFERENCES batch,
    seq INTEGER NOT NULL,                       -- within its batch
    first_row INTEGER NOT NULL,
    last_row INTEGER NOT NULL,
    size INTEGER NOT NULL,
    again INTEGER NOT NULL DEFAULT 0,           -- rows of an earlier slice, tried again
    state TEXT NOT NULL CHECK (state IN ('staged', 'queued', 'claimed', 'done')),
    backend TEXT NOT NULL,
    not_before REAL NOT NULL,
    expires REAL NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    owner INTEGER                               -- who sends it, or did last
) STRICT;
CREATE INDEX slice_of_batch ON slice (batch, first_row);
CREATE INDEX slice_oldest ON slice (backend, not_before) WHERE state = 'queued';
CREATE INDEX slice_first ON slice (backend, seq, not_before) WHERE state = 'queued';
CREATE INDEX slice_claimed ON slice (owner) WHERE state = 'claimed';

CREATE TABLE payload (
    slice INTEGER PRIMARY KEY REFERENCES slice ON DELETE CASCADE,
    messages BLOB NOT NULL
) STRICT;

-- What became of messages, only ever appended.
CREATE TABLE outcome (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    batch INTEGER NOT NULL,
    row INTEGER NOT NULL,
    slice INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    event TEXT NOT NULL,
    carrier_id TEXT NOT NULL DEFAULT '',
    code TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    parts INTEGER NOT NULL DEFAULT 0,
    at REAL NOT NULL
) STRICT;
CREATE INDEX outcome_of_message ON outcome (batch, row);
