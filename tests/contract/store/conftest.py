"""Let failing assertions of the shipped suite show their values."""

import pytest

pytest.register_assert_rewrite("smsfs.testing")
