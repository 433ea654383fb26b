"""Every metric that ``/metrics`` can show, with what it means; docs/monitoring.md is held against this."""

from collections.abc import Iterable, Iterator

from smsfs.metrics import Metric

SUBMIT_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
INTAKE_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)

BUILD_INFO = Metric("smsfs_build_info", "gauge", "Always 1; the label tells the version.", ("version",))

# -- messages and backends ----------------------------------------------------------------------------
MESSAGES = Metric(
    "smsfs_messages",
    "counter",
    "Messages by what became of their sending: submitted (the carrier took it), rejected, unknown (the "
    "answer was lost), expired or cancelled. One that is sent again after unknown counts again.",
    ("backend", "state"),
)
ACCOUNT_MESSAGES = Metric(
    "smsfs_account_messages",
    "counter",
    "The same by account; only with metrics_accounts.",
    ("account", "state"),
)
QUEUE_MESSAGES = Metric(
    "smsfs_queue_messages", "gauge", "Messages that are queued or with the backend.", ("backend",)
)
QUEUE_OLDEST = Metric(
    "smsfs_queue_oldest_seconds",
    "gauge",
    "Seconds since the message that has waited longest could have been sent; 0 when none is due.",
    ("backend",),
)
SUBMIT_SECONDS = Metric(
    "smsfs_submit_seconds",
    "histogram",
    "Seconds from a request to the carrier's answer: of each SMPP submit_sm, of each HTTP request.",
    ("backend",),
    SUBMIT_BOUNDS,
)
THROTTLED = Metric(
    "smsfs_throttled", "counter", "Requests that the carrier answered with: not now.", ("backend",)
)
UNKNOWN_MESSAGES = Metric(
    "smsfs_unknown_messages",
    "gauge",
    "Of the 1,000 latest answers that were lost: those of whose message nothing has been learnt since.",
)
RECEIPTS = Metric(
    "smsfs_receipts",
    "counter",
    "Delivery receipts by result: matched to a message, unmatched (kept, and tried again), repeated, "
    "or unreadable. One that is matched after a while counts as both.",
    ("backend", "result"),
)
RECEIPT_OUTCOMES = Metric(
    "smsfs_receipt_outcomes",
    "counter",
    "Matched receipts by what they say: delivered, undelivered, receipt_expired or passing. "
    "A message of several parts may have several.",
    ("backend", "outcome"),
)
BACKEND_UP = Metric(
    "smsfs_backend_up",
    "gauge",
    "Whether the backend can send, as the dispatcher of each host sees it.",
    ("backend", "host"),
)
BACKEND_CREDIT = Metric(
    "smsfs_backend_credit",
    "gauge",
    "Credit that is left with the carrier, where it tells; the currency is empty if it does not name one.",
    ("backend", "currency"),
)
BACKEND_CREDIT_LOW = Metric(
    "smsfs_backend_credit_low", "gauge", "Whether that is less than low_credit of the backend.", ("backend",)
)
BREAKER_STATE = Metric(
    "smsfs_breaker_state",
    "gauge",
    "0: closed, all may be sent; 1: half-open, one message probes; 2: open, nothing is sent.",
    ("backend",),
)
BINDS = Metric("smsfs_binds", "gauge", "SMPP binds that are up.", ("backend",))
WINDOW_USED = Metric(
    "smsfs_window_used", "gauge", "Requests to the carrier that have no answer yet.", ("backend",)
)
WEBHOOK_CALLS = Metric(
    "smsfs_webhook_calls",
    "counter",
    "Calls of providers, by the status of our answer; those to no webhook have no backend.",
    ("backend", "status"),
)

# -- files and clients --------------------------------------------------------------------------------
FILES = Metric(
    "smsfs_files",
    "counter",
    "Files that were read, by their verdict: success, rejected or consumed.",
    ("dialect", "state"),
)
FILE_INTAKE_SECONDS = Metric(
    "smsfs_file_intake_seconds",
    "histogram",
    "Seconds from the submission of a file, or the time it was to wait for, to its verdict.",
    ("dialect",),
    INTAKE_BOUNDS,
)
SESSIONS = Metric("smsfs_sessions", "gauge", "Connections that have logged in.", ("protocol",))
PER_ADDRESS_MAX = Metric(
    "smsfs_connections_per_address_max",
    "gauge",
    "Connections of the address that has the most.",
    ("protocol",),
)
PER_ADDRESS_LIMIT = Metric(
    "smsfs_connections_per_address_limit",
    "gauge",
    "Connections that one address may have: max_connections_per_address.",
    ("protocol",),
)
LOGINS = Metric(
    "smsfs_logins",
    "counter",
    "Logins by result: ok, failed, banned, busy (the account has too many connections) or error (the store "
    "could not be asked). A client may offer several keys, each of which fails by itself.",
    ("protocol", "method", "result"),
)
BANNED_ADDRESSES = Metric(
    "smsfs_banned_addresses", "gauge", "Addresses that are turned away for failed logins."
)

# -- the host and the store ---------------------------------------------------------------------------
LEASE_SECONDS = Metric(
    "smsfs_lease_seconds_left",
    "gauge",
    "Seconds until a process counts as dead unless it renews its lease; PostgreSQL only.",
    ("host", "kind"),
)
STORE_UP = Metric(
    "smsfs_store_up",
    "gauge",
    "Whether the store answered. While it does not, the metrics that are read from it are missing.",
)
PROCESS_UP = Metric(
    "smsfs_process_up", "gauge", "Whether the workers of this kind on this host stay up.", ("kind",)
)
DISK_FREE = Metric(
    "smsfs_disk_free_bytes",
    "gauge",
    "Bytes that are free for smsfs on the file system of its data folder.",
)
DISK_SIZE = Metric("smsfs_disk_size_bytes", "gauge", "Size of that file system.")
CERTIFICATE_EXPIRY = Metric(
    "smsfs_certificate_expiry_seconds",
    "gauge",
    "When the first certificate of the chain in use ends, in seconds since the epoch.",
    ("section",),
)
MAIL_WAITING = Metric("smsfs_mail_waiting", "gauge", "E-mails that are due and not sent yet.")
CREDIT_LEFT = Metric(
    "smsfs_account_credit_left",
    "gauge",
    "SMS that an account with a credit may still send; only with metrics_accounts.",
    ("account",),
)

#: By name, in the order in which they are shown.
CATALOG = {value.name: value for value in list(globals().values()) if isinstance(value, Metric)}
#: Read from the store: the same whichever host is asked.
OF_STORE = frozenset(
    metric.name
    for metric in (
        *(QUEUE_MESSAGES, QUEUE_OLDEST, UNKNOWN_MESSAGES, BACKEND_UP, BANNED_ADDRESSES, LEASE_SECONDS),
        *(MAIL_WAITING, CREDIT_LEFT, BACKEND_CREDIT, BACKEND_CREDIT_LOW),
    )
)


def metrics_of(names: Iterable[str]) -> Iterator[Metric]:
    """The metrics of these names, in the order of the catalog."""
    wanted = set(names)
    return (metric for name, metric in CATALOG.items() if name in wanted)
