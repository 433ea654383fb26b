"""From contacts to messages, or to causes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.dialects.smsportal.codes import Fault
from smsfs.dialects.smsportal.contacts import causes, message
from smsfs.dialects.smsportal.options import Plan, Window
from smsfs.sms.message import Message

NUMBER = "27821234567"
PLAN = Plan(
    template=("Hi ", "value1", ""),
    window=Window(),
    sender="",
    max_errors=None,
    contacts=9,
    country="",
    check_networks=True,
    strict=False,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def test_a_contact_becomes_a_message(read, document):
    """A message would be counted wrong, or its reference be lost and its receipt match nothing."""
    own = {"msisdn": NUMBER, "message": "a" * 161, "customerId": 237}
    (message,) = read(document(own)).messages
    assert message == Message(1, NUMBER, "a" * 161, userref="237", parts=2)


@pytest.mark.parametrize(
    ("template", "contact", "text"),
    [
        ("Hi @@value1@@!", {"values": {"value1": "Jane"}}, "Hi Jane!"),
        ("Hi @@VALUE1@@!", {"Values": {"Value1": "Jane"}}, "Hi Jane!"),
        ("Hi @@value6@@!", {"value6": "Jane"}, "Hi Jane!"),
        ("Hi @@value1@@!", {}, "Hi !"),
        ("Hi @@value1@@!", {"values": None}, "Hi !"),
        ("Hi @@value1@@!", {"values": {"value1": None}}, "Hi !"),
        ("R@@value1@@", {"values": {"value1": 1.10}}, "R1.1"),
        ("@@value1@@ @@value2@@", {"values": {"value1": 0, "value2": False}}, "0 false"),
        ("@@value1@@@@value2@@", {"values": {"value1": "@@value2@@", "value2": "b"}}, "@@value2@@b"),
        ("Hi", {"message": "Own @@value1@@", "values": {"value1": "x"}}, "Own x"),
        ("Hi", {"message": None}, "Hi"),
        ("Hi", {"message": ""}, "Hi"),
        ("me@@home", {"message": "a@@b"}, "a@@b"),
        ("€ [x]\n{y}", {}, "€ [x]\n{y}"),
    ],
)
def test_templates(read, document, template, contact, text):
    """A recipient would read a place holder, or somebody else's name."""
    reading = read(document({"msisdn": NUMBER, **contact}, message_template=template))
    assert ([message.text for message in reading.messages], reading.causes) == ([text], [])


def test_prices_keep_their_noughts(read):
    """A recipient would be asked for 1.1 in place of 1.10, or for 1e+16."""
    contact = f'{{"msisdn": {NUMBER}, "values": {{"value1": 1.10, "value2": 10000000000000000.00}}}}'
    reading = read('version: 7\n{"message_template": "@@value1@@ @@value2@@", "contacts": [' + contact + "]}")
    assert [message.text for message in reading.messages] == ["1.10 10000000000000000.00"]


@pytest.mark.parametrize(
    ("written", "settings", "sent"),
    [
        ("27821234567", {}, "27821234567"),
        (27821234567, {}, "27821234567"),
        (" +27 82 123-4567 ", {}, "27821234567"),
        ("0027 (82) 123 4567", {}, "27821234567"),
        ("082 123 4567", {"country": "ZA"}, "27821234567"),
        ("27821234567", {"country": "ZA"}, "27821234567"),
        ("1111111111", {"check_networks": False}, "1111111111"),
    ],
)
def test_numbers(read, document, written, settings, sent):
    """A message would go to nobody, or to another country."""
    reading = read(document({"msisdn": written}), **settings)
    assert ([message.recipient for message in reading.messages], reading.causes) == ([sent], [])


FAULTS = [
    ({"msisdn": "1111111111"}, "MSISDN.NoNetworkFound", '"1111111111" belongs to no network'),
    ({"msisdn": "2792123456789"}, "MSISDN.NoNetworkFound", "no numbering plan has such"),
    ({"msisdn": "123"}, "MSISDN.NoNetworkFound", "a number has 7 to 15 digits"),
    ({"msisdn": "0821234567"}, "MSISDN.NoNetworkFound", "has no country code"),
    ({"msisdn": "Jane"}, "File.ParseError", '"Jane" is no phone number'),
    ({"msisdn": 2.7821234567e10}, "File.ParseError", "a spreadsheet made it a decimal"),
    ({"msisdn": ["27821234567"]}, "File.ParseError", "msisdn is no number"),
    ({"msisdn": True}, "File.ParseError", "msisdn is no number"),
    ({"msisdn": ""}, "RequiredParameter.Missing", "msisdn is missing or empty"),
    ({"msisdn": None}, "RequiredParameter.Missing", "msisdn is missing or empty"),
    ({}, "RequiredParameter.Missing", "msisdn is missing or empty"),
    ("27821234567", "File.ParseError", "the contact is no object such as"),
    (None, "File.ParseError", "the contact is no object such as"),
    ({"msisdn": NUMBER, "message": " \n"}, "RequiredParameter.Missing", "the message is empty"),
    ({"msisdn": NUMBER, "message": ["Hi"]}, "File.ParseError", "message is no text"),
    ({"msisdn": NUMBER, "message": "Hi @@name@@"}, "File.ParseError", '"@@name@@" cannot be filled in'),
    ({"msisdn": NUMBER, "message": "Hi “Jane”"}, "File.ParseError", 'holds "“" (U+201C LEFT DOUBLE'),
    ({"msisdn": NUMBER, "message": "日"}, "File.ParseError", 'holds "日" (U+65E5 CJK UNIFIED'),
    (
        {"msisdn": NUMBER, "message": "a\tb"},
        "File.ParseError",
        r'holds "\t" (U+0009), which is not in the GSM',
    ),
    ({"msisdn": NUMBER, "message": "\ud83d"}, "File.ParseError", r'holds "\ud83d" (U+D83D)'),
    ({"msisdn": NUMBER, "message": "a" * 39_016}, "File.ParseError", "takes 256 SMS; at most 255"),
    ({"msisdn": NUMBER, "values": ["Jane"]}, "File.ParseError", "values is no object such as"),
    ({"msisdn": NUMBER, "values": {"value1": ["x"]}}, "File.ParseError", "value1 is neither a text nor"),
    ({"msisdn": NUMBER, "values": {"value1": "ş"}}, "File.ParseError", 'holds "ş" (U+015F'),
    ({"msisdn": NUMBER, "customerId": ["x"]}, "File.ParseError", "customerId is neither a text nor"),
    ({"msisdn": NUMBER, "customerId": "x" * 256}, "File.ParseError", "customerId is over 255 characters"),
    ({"msisdn": NUMBER, "customerId": "\ud83d"}, "File.ParseError", "holds one that is not printable"),
]


@pytest.mark.parametrize(("contact", "code", "said"), FAULTS)
def test_a_wrong_contact_is_named_and_the_others_are_sent(read, document, contact, code, said):
    """One typing error would stop a whole list, or be passed over without a word."""
    good = {"msisdn": NUMBER}
    reading = read(document(good, contact, good, message_template="Hi @@value1@@"))
    assert ([message.row for message in reading.messages], reading.fatal) == ([1, 3], None)
    (cause,) = reading.causes
    assert (cause.code, cause.index, cause.document) == (code, 2, "list.json")
    assert said in str(cause)
    assert str(cause).startswith("list.json, contact 2")
    assert str(cause).isprintable()


def test_everything_wrong_with_a_contact_is_told_with_its_number(read, document):
    """A client would mend one fault, send the file again, and be told of the next."""
    reading = read(document({"msisdn": "nobody\n", "message": "日", "customerId": []}, {"msisdn": NUMBER}))
    assert [(str(cause.code), cause.msisdn) for cause in reading.causes] == [
        ("File.ParseError", "nobody\\n")
    ] * 3


@pytest.mark.parametrize("contacts", [[{"msisdn": "1"}], [{"msisdn": "1"}, {}]])
def test_a_file_without_a_valid_message_is_refused(read, document, contacts):
    """A file of which nothing was sent would lie in Processed."""
    reading = read(document(*contacts))
    assert reading.codes[-1] == "EmptySend.NoValidMessages"
    assert [cause.index for cause in reading.causes] == list(range(1, len(contacts) + 1))


@pytest.mark.slow
@pytest.mark.parametrize("contact", ["{}", '{"msisdn": 1}', "1"])
def test_reading_ends_when_hardly_a_contact_is_right(read, contact):
    """One file of nonsense would keep every other account's file waiting for a minute."""
    contacts = ",".join([contact] * 200_000)
    reading = read('version: 7\n{"message_template": "Hi", "contacts": [' + contacts + "]}")
    assert "over 100,000 contacts are wrong" in str(reading.fatal)
    assert len(reading.causes) <= 100_000


@given(
    json_values
    | st.fixed_dictionaries(
        {},
        optional={
            "msisdn": st.sampled_from([NUMBER, "x", ""]) | json_values,
            "message": json_values,
            "values": st.dictionaries(st.sampled_from(["value1", "value2"]), json_values) | json_values,
            "customerid": json_values,
        },
    )
)
def test_each_contact_is_a_message_or_has_a_cause(contact):
    """A contact would be lost without a word, or an unforeseen one stop the server with a traceback."""
    found = list(causes("x.json", 1, contact, PLAN))
    try:
        assert message(1, 1, contact, PLAN).encoding == "gsm7"
    except Fault as fault:
        first = str(fault)
    else:
        first = None
    assert next((cause.reason for cause in found), None) == first
    assert all(str(cause).isprintable() for cause in found)
