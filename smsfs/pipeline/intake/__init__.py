"""The wing of ``smsfs worker intake``: from a submitted file to stored messages."""
