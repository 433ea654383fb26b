"""What the tests share: suites, scenarios, real clients and peers, attacks."""
