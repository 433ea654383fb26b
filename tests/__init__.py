"""The tests of smsfs."""
