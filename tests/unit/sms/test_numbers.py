"""Phone numbers."""

import re
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.sms import local, plans
from smsfs.sms.numbers import is_msisdn, msisdn, pasted


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True), st.sampled_from(["", "+"]))
def test_numbers_with_country_code_are_taken(digits, plus):
    """A good number would be refused, and with it the whole file."""
    assert msisdn(plus + digits) == digits
    assert is_msisdn(plus + digits)


@given(st.text())
def test_whatever_is_taken_is_a_number(text):
    """Something that no carrier takes would be sent, or a wrong cell end the reading with a traceback."""
    if is_msisdn(text):
        digits = msisdn(text)
        assert digits.isascii()
        assert digits.isdigit()
        assert 7 <= len(digits) <= 15
        return
    with pytest.raises(ValueError) as caught:
        msisdn(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "the phone number is missing"),
        ("+45 12 34 56 78", "without spaces, dashes or brackets"),
        ("45-1234-5678", "without spaces, dashes or brackets"),
        ("+1 (555) 0100", "without spaces, dashes or brackets"),
        ("004512345678", "country code"),
        ("012345678", "country code"),
        ("0044 12 34", "country code"),
        ("4.51E+09", "a spreadsheet shortened it"),
        ("4,51e+09", "a spreadsheet shortened it"),
        ("4512345678.0", "decimal"),
        ("123456", "7 to 15 digits"),
        ("+1234567890123456", "7 to 15 digits"),
        ("٤٥١٢٣٤٥٦٧٨", "not the plain 0 to 9"),
        ("call me", "digits only"),
        ("++4512345678", "digits only"),
        ("4512345678\n", "without spaces"),
    ],
)
def test_each_mistake_has_its_hint(text, hint):
    """A client would be told that a number is wrong, but not what to do about it."""
    with pytest.raises(ValueError, match=hint):
        msisdn(text)


def test_a_huge_cell_is_quoted_in_part():
    """One lost quote would put a whole file into the cause, and the log."""
    with pytest.raises(ValueError) as caught:
        msisdn("9" * 130_000)
    assert len(str(caught.value)) < 150


NUMBER = "32476123456"
PASTED = {
    "zero width space before": "\u200b32476123456",
    "byte order mark behind": "32476123456\ufeff",
    "marks of direction": "\u202a+32476123456\u202c",
    "behind the plus": "+\u200e32476123456",
    "soft hyphen": "32476\u00ad123456",
    "variation selector": "3\ufe0f2476123456",
    "no-break space": "\u00a032476123456\u00a0",
    "thin and figure spaces": "32\u2009476\u2007123\u202f456",
    "ideographic space": "32476\u3000123456",
    "tab": "\t32476123456",
    "line end": "32476123456\r\n",
    "non-breaking hyphen": "32\u2011476\u2011123456",
    "minus signs within": "32\u2212476\u2212123456",
    "long dash": "32476\u2014123456",
    "full width": "\uff0b\uff13\uff12\uff14\uff17\uff16\uff11\uff12\uff13\uff14\uff15\uff16",
    "full width brackets": "\uff0832\uff09476123456",
    "Arabic": "\u0663\u0662\u0664\u0667\u0666\u0661\u0662\u0663\u0664\u0665\u0666",
    "Devanagari": "\u0969\u0968\u096a\u096d\u096c\u0967\u0968\u0969\u096a\u096b\u096c",
    "mathematical digits": "32476\U0001d7cf\U0001d7d0\U0001d7d1456",
    "apostrophe": "'32476123456",
    "typographic apostrophe": "\u2019+32 476 123456",
    "national zero": "+32\u00a0(0)476 123456",
}
PAGES = {
    "naxai": local.reader(""),
    "naxai with a country": local.reader("BE"),
    "smsportal": partial(plans.international, check=False),
    "smsportal with networks": plans.international,
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("text", PASTED.values(), ids=PASTED)
def test_numbers_are_read_as_people_paste_them(page, text):
    """A customer whose number was copied from a web page or a chat would get nothing."""
    assert PAGES[page](text) == NUMBER


REFUSED = {
    "-32476123456": "minus sign",
    "\u2212 32476123456": "minus sign",
    "(-32476123456": "minus sign",
    "+\u201332476123456": "minus sign",
    "32476123456, 32477123456": "two numbers",
    "32476123456;32477123456": "two numbers",
    "32476123456/32477123456": "two numbers",
    "32476123456 32477123456": "two numbers",
    "32476123456\n32477123456": "two numbers",
    "+32476123456+32477123456": "two numbers",
    "32 476 12 34 56 / 32 477 12 34 56": "two numbers",
    "32476123456 oder 32477123456": "two numbers",
    "32476123456 (32477123456)": "two numbers",
    "32476123456\u201332477123456": "two numbers",
    "4.5E+09": "format the column as text",
    "4,51E+10": "format the column as text",
    "3.2476123456E10": "format the column as text",
    "3,2476e+10 ": "format the column as text",
    "32E+9": "format the column as text",
    "32476123456.0": "decimal number",
    "32476123456\u00b9": "digits only",
    "3247612345a": "digits only",
}


@pytest.mark.parametrize("page", [*PAGES, "gatewayapi"])
@pytest.mark.parametrize(("text", "said"), REFUSED.items())
def test_what_is_no_number_is_told_from_it(page, text, said):
    """A stranger would get the message, or its owner search for what is wrong with a cell."""
    with pytest.raises(ValueError, match=said):
        {**PAGES, "gatewayapi": msisdn}[page](text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\u200b4512345678", r"an invisible character \(U\+200B\) stands before the number"),
        ("4512345678\u00a0", r"an invisible character \(U\+00A0\) stands behind the number"),
        ("45\u200d12345678", r"an invisible character \(U\+200D\) stands within the number"),
        ("\ufeff+4512345678", r"an invisible character \(U\+FEFF\) stands before the number"),
        ("45123456\ufe0f78", r"an invisible character \(U\+FE0F\) stands within the number"),
        ("45\u201112345678", "without spaces, dashes or brackets"),
        ("'4512345678", "an apostrophe stands before it"),
        ("\uff14512345678", "its digits are not the plain 0 to 9"),
    ],
)
def test_a_strict_reader_names_what_nobody_sees(text, said):
    """A client would see a number that is right, and be told that it is none."""
    with pytest.raises(ValueError, match=said):
        msisdn(text)


_FILLING = st.sampled_from(
    "\u200b\u200d\u2060\ufeff\u00ad\u061c\ufe0e\ufe0f \u00a0\u2003\u3000-\u2010\u2014\u2212\ufe58"
)


@given(st.integers(10**7, 10**12), st.lists(_FILLING, max_size=12), st.randoms())
def test_filling_changes_no_number(number, filling, random):
    """Characters that nobody sees would change whom a message goes to."""
    digits = list(str(number))
    for character in filling:
        digits.insert(random.randrange(1, len(digits) + 1), character)
    text = "".join(digits)
    try:
        read = pasted(text, "")
    except ValueError as error:
        assert "two numbers" in str(error)  # noqa: PT017 -- two long runs of digits are two numbers
    else:
        assert read == str(number)


@given(st.text(max_size=120))
def test_any_cell_is_a_number_or_says_why_not(text):
    """One odd cell would stop a whole file with a traceback."""
    for read in (msisdn, *PAGES.values()):
        try:
            assert re.fullmatch("[1-9][0-9]{6,14}", read(text))
        except ValueError as error:
            assert str(error)  # noqa: PT017 -- either is right
