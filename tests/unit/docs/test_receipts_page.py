from tests.support.receipt_docs import PAGE, page


def test_page_is_up_to_date():
    """An operator would look up in vain what smsfs makes of a carrier's receipt."""
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.support.receipt_docs"
