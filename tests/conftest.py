"""A PostgreSQL server for whoever wants one; assertions of the shipped suites show their values."""

import pytest

pytest.register_assert_rewrite("smsfs.testing")

from smsfs.testing.postgres import PostgresServer  # noqa: E402 -- after the line above


@pytest.fixture(scope="session")
def postgres():
    """One server for the whole run; each test makes its own database."""
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture
def database(postgres):
    """The URL of an empty database."""
    url = postgres.new_database()
    yield url
    postgres.drop_database(url)
