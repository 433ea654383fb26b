"""``smsfs operator``."""


def test_operators_are_added_listed_and_removed(smsfs, store):
    """Nobody could be let in to the web page, or be kept out of it again."""
    done = smsfs("operator", "add", "alice", "--role", "operator", "--password-stdin", text="secret-12\n")
    assert done.out.startswith("Operator alice made (operator).\n")
    assert "pages = true" in done.out, "where there is no page, that is said"
    (row,) = smsfs("operator", "list", "--json").rows()
    assert (row["name"], row["role"]) == ("alice", "operator")
    assert store.operators.find("alice").password.startswith("$argon2")
    again = smsfs("operator", "add", "alice", "--role", "viewer", "--password-stdin", text="secret-12\n")
    assert again.err == "smsfs: There is an operator alice already.\n"
    assert smsfs("operator", "remove", "alice").out == "Operator alice removed.\n"
    assert "There is no operator alice; there are: none yet." in smsfs("operator", "remove", "alice").err
    assert [row["verb"] for row in smsfs("log", "--json").rows()] == ["operator remove", "operator add"]


def test_what_cannot_be_an_operator_is_refused(smsfs, clinic):
    """Two people would log in by one name, or somebody with a password that is soon guessed."""
    taken = smsfs("operator", "add", clinic, "--role", "admin", "--password-stdin", text="secret-12\n")
    assert "There is an account clinic, which logs in by that name" in taken.err
    short = smsfs("operator", "add", "bob", "--role", "admin", "--password-stdin", text="abc\n")
    assert "has 3 characters" in short.err
    assert smsfs("operator", "list", "--json").rows() == []
    smsfs("operator", "add", "bob", "--role", "admin", "--password-stdin", text="secret-12\n")
    same = smsfs("account", "add", "bob", "--dialect", "gatewayapi", "--password-stdin", text="secret-12\n")
    assert "There is an operator bob, who logs in by that name" in same.err
