"""Numbering plans."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.sms.plans import NoNetworkError, international, is_country

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


@pytest.mark.parametrize("written", ["27821234567", "+27821234567", "0027821234567", "+27 (82) 123-4567"])
def test_international_numbers(written):
    """A number would be refused for the way in which an address book writes it."""
    for country in ("", "ZA", "DK"):
        for check in (True, False):
            assert international(written, country, check=check) == "27821234567"


@pytest.mark.parametrize(
    ("written", "country", "digits"),
    [
        ("082 123 4567", "ZA", "27821234567"),
        ("821234567", "ZA", "27821234567"),
        ("21 23 45 67", "DK", "4521234567"),
        ("07400 123456", "GB", "447400123456"),
        ("06 12 34 56 78", "FR", "33612345678"),
        ("312 345 6789", "IT", "393123456789"),
        ("+44 07400 123456", "", "447400123456"),
        ("+39 02 1234 5678", "", "390212345678"),
    ],
)
def test_local_numbers(written, country, digits):
    """A message would go to another country, or nowhere."""
    assert international(written, country) == digits


@pytest.mark.parametrize("region", REGIONS)
def test_every_countrys_numbers_are_known(region):
    """Nobody in a whole country could be reached."""
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if example is None:  # Tristan da Cunha has fixed lines only
        example = phonenumbers.example_number(region)
    digits = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[1:]
    if len(digits) >= 7:
        assert international(digits) == digits
        local = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
        assert phonenumbers.parse(local, region) == phonenumbers.parse(f"+{digits}")


@pytest.mark.parametrize("digits", ["1111111111", "2222222222", "3333333333", "4444444444", "999123456789"])
def test_numbers_that_no_plan_has(digits):
    """Messages to nobody would be paid for; or, where nobody wants the check, be refused."""
    with pytest.raises(NoNetworkError, match="no numbering plan has such a number"):
        international(digits)
    assert international(digits, check=False) == digits


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("123456", "a number has 7 to 15 digits"),
        ("1234567890123456", "a number has 7 to 15 digits"),
        ("0821234567", "has no country code: write it in place of the leading zeros"),
        ("000", "has no country code"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_digits_that_are_no_number_say_why(written, said, check):
    """A client would not learn what to change."""
    with pytest.raises(NoNetworkError, match=said):
        international(written, check=check)


@pytest.mark.parametrize(
    "written",
    ["", "Jane", "2.7821234567E+10", "27821234567.0", "082/1234567", "+", "27821234567 ext 2"],
)
def test_what_is_no_number_says_why(written):
    """A digit would be added or lost on the way from a spreadsheet, and a stranger get the message."""
    with pytest.raises(ValueError, match="phone number") as caught:
        international(written, "ZA", check=False)
    assert not isinstance(caught.value, NoNetworkError)


@given(
    st.text(st.sampled_from("0123456789+ ()-"), max_size=20),
    st.sampled_from(["", "ZA", "US", "IT"]),
    st.booleans(),
)
def test_what_is_taken_is_an_msisdn(written, country, check):
    """A backend would be given what is no number, or the same number come out differently the second time."""
    try:
        digits = international(written, country, check=check)
    except ValueError as error:
        digits, said = None, str(error)
    else:
        said = "taken"
    assert said.isprintable()
    assert digits is None or (digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 15)
    assert digits is None or international(digits, check=check) == digits


@given(st.from_regex("[1-9][0-9]{6,14}", fullmatch=True))
def test_the_quick_way_is_the_librarys(digits):
    """A number would be refused, or changed, that the library takes."""
    number = phonenumbers.parse(f"+{digits}") if _parses(digits) else None
    wanted = None
    if number and phonenumbers.is_valid_number(number):
        wanted = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
    if wanted and len(wanted) >= 7:
        assert international(digits) == wanted
    else:
        with pytest.raises(NoNetworkError):
            international(digits)


def _parses(digits):
    try:
        phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return False
    return True


def test_countries_are_those_with_a_plan():
    """A country misspelt in the settings would make every local number wrong."""
    assert is_country("ZA")
    assert not any(map(is_country, ["", "za", "XX", "ZAF", "27"]))
