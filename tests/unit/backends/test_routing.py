"""The text of a route."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.backends.routing import is_name, parse

PREFIXES = st.text("0123456789", min_size=1, max_size=5)
NAMES = st.sampled_from(["dk", "se", "carrier", "backup"])
CHAINS = st.lists(NAMES, min_size=1, max_size=3, unique=True).map(tuple)
NUMBERS = st.text("0123456789", min_size=7, max_size=15)


def test_plain_name_is_a_route():
    """The configuration of everyone with a single backend would be refused."""
    routes = parse("outbox")
    assert (routes.only, routes.names) == (("outbox",), ["outbox"])
    assert routes.chain_for("4512345678") == ("outbox",)


def test_longest_prefix_counts():
    """Messages to one country would leave by the carrier of another."""
    routes = parse("45=dk,backup 46=se  4520=mobile,dk\n carrier,backup")
    assert routes.only is None
    assert routes.chain_for("4512345678") == ("dk", "backup")
    assert routes.chain_for("4520345678") == ("mobile", "dk")
    assert routes.chain_for("4612345678") == ("se",)
    assert routes.chain_for("3212345678") == ("carrier", "backup")
    assert routes.names == ["dk", "backup", "se", "mobile", "carrier"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it lacks an entry without a prefix, for all other numbers"),
        ("45=dk", "it lacks an entry without a prefix, for all other numbers"),
        ("dk se", "two entries have no prefix"),
        ("45=dk 45=se x", "the prefix 45 stands twice"),
        ("dk,se,dk", "'dk,se,dk' names a backend twice"),
        ("45=dk, backup", "'45=dk,' is not of the form 45=dk,backup or dk,backup"),
        ("+45=dk x", "'+45=dk' is not of the form"),
        ("45= x", "'45=' is not of the form"),
        ("45=dk=se x", "'45=dk=se' is not of the form"),
        ("dk,,se", "'dk,,se' is not of the form"),
        ("from:=dk x", "'from:=dk' is not of the form"),
        ("to:45=dk x", "'to:45=dk' is not of the form"),
        ("45&46=dk x", "'45&46=dk' is not of the form"),
        ("from:a=dk from:A=se x", "the condition from:A stands twice"),
        ("dk|se", "'dk|se' has to have a number and a percent sign before each chain"),
        ("3%dk", "'3%dk' has to have a number and a percent sign before each chain that shares"),
        ("0%dk|0%se", "'0%dk|0%se' has to have"),
        ("1%dk| x", "'1%dk|' is not of the form"),
        ("\u0664\u0665=dk x", "is not of the form"),
    ],
)
def test_mistakes_are_named(text, told):
    """An operator would have messages leave by a route that was never meant."""
    with pytest.raises(ValueError, match=r"^(it|two|the|').*") as caught:
        parse(text)
    assert told in str(caught.value)


def test_senders_and_accounts():
    """A message would leave by a carrier that does not know its sender, or that another customer pays for."""
    routes = parse(
        "45=dk from:My%20Shop=shop from:+4511223344&46=number account:clinic=own "
        "account:clinic&from:a&45=both x"
    )
    assert routes.chain_for("4512345678", "MY SHOP") == ("shop",)
    assert routes.chain_for("4512345678", "Other", "other") == ("dk",)
    assert routes.chain_for("4612345678", "4511223344") == ("number",)
    assert routes.chain_for("4712345678", "4511223344") == ("x",)
    assert routes.chain_for("4512345678", "My Shop", "clinic") == ("own",)
    assert routes.chain_for("4512345678", "A", "clinic") == ("both",)
    assert routes.chain_for("4612345678", "A", "clinic") == ("own",)
    assert routes.first_for("4612345678") == {"shop", "number", "own", "x"}


@given(st.integers(0, 9), st.integers(1, 9))
def test_chains_share_by_weight(one, other):
    """One carrier would get what another has room for, and a message that is read again go twice."""
    routes = parse(f"45={one}%dk,se|{other}%se,dk x")
    assert routes.only is None
    found = [routes.chain_for("4512345678", key=f"7-{row}") for row in range(1000)]
    assert found == [routes.chain_for("4512345678", key=f"7-{row}") for row in range(1000)]
    assert set(found) <= {("dk", "se"), ("se", "dk")}
    assert abs(found.count(("dk", "se")) / 1000 - one / (one + other)) < 0.1


@given(entries=st.dictionaries(PREFIXES, CHAINS, max_size=8), rest=CHAINS, number=NUMBERS)
def test_every_number_has_the_chain_of_its_longest_prefix(entries, rest, number):
    """A number would have no way out, or that of a shorter prefix."""
    text = " ".join([f"{prefix}={','.join(chain)}" for prefix, chain in entries.items()] + [",".join(rest)])
    fitting = [prefix for prefix in entries if number.startswith(prefix)]
    expected = entries[max(fitting, key=len)] if fitting else rest
    assert parse(text).chain_for(number) == expected


@pytest.mark.parametrize("name", ["", "a b", "a,b", "a=b", "a\tb", "a|b", "a%b"])
def test_names_that_no_route_can_hold(name):
    """A backend would be configured that no route can name, or another be meant by it."""
    assert not is_name(name)
    assert is_name("carrier-1.dk_2")
