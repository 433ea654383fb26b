"""Numbers as people write them in one country."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.sms.local import COUNTRIES, reader


@pytest.mark.parametrize(
    ("country", "text", "msisdn"),
    [
        ("", "32476123456", "32476123456"),
        ("", "+32 476 12 34 56", "32476123456"),
        ("", "0032476123456", "32476123456"),
        ("", "+32 (0)476 12 34 56", "32476123456"),
        ("", "(32) 476-12-34-56", "32476123456"),
        ("BE", "0476123456", "32476123456"),
        ("BE", "٠٤٧٦١٢٣٤٥٦", "32476123456"),
        ("BE", "'0476 12\u201112\u201234", "32476121234"),
        ("BE", "0476/12.34.56", "32476123456"),
        ("BE", "476123456", "32476123456"),
        ("BE", "32476123456", "32476123456"),
        ("BE", " 32476123456\u00a0", "32476123456"),
        ("BE", "33612345678", "33612345678"),
        ("BE", "00 33 6 12 34 56 78", "33612345678"),
        ("FR", "06 12 34 56 78", "33612345678"),
        ("DE", "4915112345678", "4915112345678"),
        ("DE", "0151 1234 5678", "4915112345678"),
        ("US", "13212345678", "13212345678"),
        ("US", "(415) 555-2671", "14155552671"),
        ("DK", "45123456", "4545123456"),
        ("DK", "4512345678", "4512345678"),
        ("ES", "612345678", "34612345678"),
        ("IT", "333 1234567", "393331234567"),
        ("IT", "3912345678", "393912345678"),
        ("IT", "393912345678", "393912345678"),
        ("NL", "0612345678", "31612345678"),
        ("SE", "070-123 45 67", "46701234567"),
        ("ZA", "082 123 4567", "27821234567"),
    ],
)
def test_numbers(country, text, msisdn):
    """A message would go to nobody, or to a stranger."""
    assert reader(country)(text) == msisdn


@pytest.mark.parametrize(
    ("country", "text", "said"),
    [
        ("", "0476123456", "write it with the country code"),
        ("", "", "the phone number is missing"),
        ("BE", "", "the phone number is missing"),
        ("BE", "32476123456.0", "a spreadsheet made it a decimal number"),
        ("BE", "3.2476E+10", "its digits are lost"),
        ("BE", "-32476123456", "is no phone number"),
        ("BE", "1234", "is no phone number of BE, nor one with a country code"),
        ("DE", "01", "is no phone number of DE"),
        ("DE", "4901", "is no phone number of DE"),
        ("BE", "0476123456 / 0477123456", "is no phone number"),
        ("BE", "ring me", "is no phone number"),
        ("BE", "x" * 100_000, "is no phone number"),
        ("US", "3212345678", "may be +13212345678 or +3212345678: write it with + and its country code"),
    ],
)
def test_what_is_no_number(country, text, said):
    """A wrong number would be guessed at, and a stranger get the message."""
    with pytest.raises(ValueError) as caught:
        reader(country)(text)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 250


@given(st.sampled_from(sorted(COUNTRIES)), st.data())
def test_a_country_s_own_example_is_read_in_each_form(country, data):
    """Customers of some country could not use the numbers they know."""
    example = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
    if example is None:
        return
    msisdn = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[1:]
    form = data.draw(st.sampled_from(["+{}", "00{}", "+{} "]))
    assert reader(country)(form.format(msisdn)) == msisdn
    assert reader("")(msisdn) == msisdn
    assert reader(country)(msisdn) == msisdn


@given(st.sampled_from(["", "BE", "US", "DE", "DK"]), st.text(max_size=60))
def test_any_text_is_a_number_or_refused(country, text):
    """A strange cell would stop the file."""
    try:
        number = reader(country)(text)
    except ValueError as error:
        assert str(error).isprintable()  # noqa: PT017 - one of the two outcomes
    else:
        assert number.isdigit()
        assert 7 <= len(number) <= 15
