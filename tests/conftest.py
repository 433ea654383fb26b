"""Settings of all tests."""

import pytest

# The suites there are shipped, and imported by tests of several folders: registered before any of them.
pytest.register_assert_rewrite("smsfs.testing")
