-- Which sessions of an account go on, and who may not log in for a while.

-- A session remembers both numbers, and ends when they are others: "closings" counts how often the account, or
-- the one it belongs to, was disabled, "resets" how often a password or key was changed or taken away.
ALTER TABLE account ADD COLUMN closings BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN resets BIGINT NOT NULL DEFAULT 0;

-- Failed logins that count: an IPv4 address, or the /64 of an IPv6 one, whatever the door and the host.
CREATE TABLE login_failure (
    address TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL
);
CREATE INDEX login_failure_of ON login_failure (address, at);
CREATE INDEX login_failure_at ON login_failure (at);

CREATE TABLE ban (
    address TEXT PRIMARY KEY,
    since DOUBLE PRECISION NOT NULL,
    until DOUBLE PRECISION NOT NULL,
    reason TEXT NOT NULL
);
