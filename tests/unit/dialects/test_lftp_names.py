"""lftp's names for uploads under way."""

from smsfs.dialects.gatewayapi import GatewayApi
from smsfs.dialects.settings import settings_of


def test_an_upload_by_lftp_under_a_temporary_name_is_a_draft():
    """Lftp with xfer:use-temp-file could not send at all, or would send before the upload has ended."""
    rules = GatewayApi()
    settings = settings_of(rules, {})
    rules.create(".in.x.csv.ready", settings)
    assert rules.rename(".in.x.csv.ready", settings) is None
    assert rules.close(".in.x.csv.ready", settings | {"direct_ready": "submit-on-close"}) is None
    submission = rules.rename("x.csv.ready", settings)
    assert submission is not None
    assert submission.stem == "x.csv"
