"""A PostgreSQL server for every test that wants one."""

import pytest

from smsfs.testing.postgres import PostgresServer


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
