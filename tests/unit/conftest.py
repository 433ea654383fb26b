"""Settings of all unit tests."""

from hypothesis import settings

# A busy machine makes single examples slow; the bound on every test is pytest-timeout's.
settings.register_profile("smsfs", deadline=None)
settings.load_profile("smsfs")
