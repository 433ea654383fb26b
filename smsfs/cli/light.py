"""Commands and workers start without rich, which is a seventh of the processor time of a start.

structlog takes rich along wherever it is installed, for tracebacks of its own that smsfs does not show.
Import this before anything that imports structlog.
"""

import sys

# None: there is no such module, as far as an import can tell.
if "structlog" not in sys.modules and "rich" not in sys.modules:
    sys.modules["rich"] = None  # type: ignore[assignment]
    import structlog  # noqa: F401 -- imported now, while there is no rich

    del sys.modules["rich"]
