"""The test kit shipped with smsfs."""
