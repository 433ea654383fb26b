"""Parameters of a carrier's own."""

import msgspec
import pytest

from smsfs.backends.smpp.constants import Command
from smsfs.backends.smpp.decoder import decode
from smsfs.backends.smpp.options import SmppConfig
from smsfs.backends.smpp.outgoing import Composer
from smsfs.backends.smpp.pdu import HEADER, SmppError
from smsfs.secret import Secret
from tests.support.backend_suite import envelope


def configured(**keys):
    """A section with these keys."""
    return SmppConfig("smpp", "smsc.example", "id", Secret("p"), **keys)


def tlvs(config, item):
    """The parameters of each request that a message is."""
    composer = Composer(config)
    data = composer.short(item)
    if data is not None:
        bodies = [data]
    else:
        coding, parts = composer.parts(item.message)
        bodies = [composer.body(item, coding, part) for part in parts]
    heads = [HEADER.pack(HEADER.size + len(body), Command.SUBMIT_SM, 0, 1) for body in bodies]
    return [decode(head + body).tlvs for head, body in zip(heads, bodies, strict=True)]


def test_every_request_has_them():
    """A carrier in India would refuse every message, or the second part of each."""
    config = configured(tlvs={"0x1401": "{userref}", "0x1400": "110100001352", "0x2000": "0x00ff"})
    expected = ((0x1400, b"110100001352"), (0x1401, b"ref1"), (0x2000, b"\x00\xff"))
    assert tlvs(config, envelope(1)) == [expected]
    assert tlvs(config, envelope(1, text="x" * 200)) == [expected, expected]
    assert tlvs(configured(), envelope(1)) == [()]


def test_accounts_have_their_own():
    """One customer's messages would leave under the registration of another."""
    config = configured(
        tlvs={"0x1400": "1", "0x1401": "{account}"}, account_tlvs={"shop": {"0x1400": "2", "0x1401": ""}}
    )
    other = msgspec.structs.replace(envelope(1), account="clinic")
    assert tlvs(config, envelope(1)) == [((0x1400, b"2"),)]
    assert tlvs(config, other) == [((0x1400, b"1"), (0x1401, b"clinic"))]


def test_what_is_empty_is_left_out():
    """A carrier would refuse a message for a parameter without a value."""
    made = envelope(1)
    bare = msgspec.structs.replace(made, message=msgspec.structs.replace(made.message, userref=""))
    assert tlvs(configured(tlvs={"0x1401": "{userref}"}), bare) == [()]


@pytest.mark.parametrize("userref", ["\u00e9", "x" * 255])
def test_a_value_that_does_not_fit_costs_one_message(userref):
    """One odd row would break the link, and with it everybody's messages."""
    made = envelope(1)
    odd = msgspec.structs.replace(made, message=msgspec.structs.replace(made.message, userref=userref))
    with pytest.raises(SmppError, match="0x1401"):
        tlvs(configured(tlvs={"0x1401": "{userref}"}), odd)


@pytest.mark.parametrize(
    ("found", "clause"),
    [
        ({"1400": "x"}, "tlvs has '1400', and has to have tags from 0x1400 to 0x3FFF"),
        ({"0x0424": "x"}, "has to have tags from 0x1400"),
        ({"0x14AB": "x", "0x14ab": "y"}, "tlvs has the tag 0x14ab twice"),
        ({"0x1400": "0x123"}, "tlvs has for 0x1400 '0x123', which has to be pairs of hexadecimal digits"),
        ({"0x1400": "0xzz"}, "has to be pairs"),
        ({"0x1400": "x" * 255}, "over 254 characters"),
        ({"0x1400": "\u00e9"}, "is not ASCII"),
        ({"0x1400": "{template}"}, "tlvs has for 0x1400 the place {template}, and can have {account}"),
    ],
)
def test_mistakes_are_named(found, clause):
    """An operator would learn of a typing error from the carrier, with the first file."""
    for keys in ({"tlvs": found}, {"account_tlvs": {"shop": found}}):
        with pytest.raises(ValueError, match=r"0x|1400") as caught:
            configured(**keys)
        assert clause.removeprefix("tlvs") in str(caught.value)
