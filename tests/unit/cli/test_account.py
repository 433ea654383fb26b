import pytest

from smsfs.dialects.registry import dialect
from smsfs.dialects.settings import settings_of
from smsfs.dialects.settings import shown as as_text
from smsfs.frontends.logins import _verify
from tests.support.clients import make_key


@pytest.fixture
def key(tmp_path):
    """A key pair; the public key's file."""
    return make_key(tmp_path).with_suffix(".pub")


def sentence(done):
    """The one line that a command complained with."""
    lines = done.err.splitlines()
    assert (done.status, len(lines), done.out) == (1, 1, ""), done
    return lines[0]


def test_add_stores_a_hash_that_the_password_opens(clinic, store):
    """A new account could not log in, or its password could be read in the store."""
    stored = store.accounts.find(clinic).password
    assert "secret-1" not in stored
    assert _verify(stored, "secret-1")


def test_add_asks_for_the_password_twice(store, typed):
    """A slip in a password that nobody sees would lock its owner out."""
    command = ["account", "add", "clinic", "--dialect", "gatewayapi"]
    assert typed(command, "secret-1", "secret-2", "secret-3", "secret-3") == 0
    assert _verify(store.accounts.find("clinic").password, "secret-3")


def test_add_without_terminal_says_what_to_do(smsfs):
    """A script that forgot the password would hang, or show a stack of Python's warnings."""
    assert "--password-stdin" in sentence(smsfs("account", "add", "clinic", "--dialect", "gatewayapi"))


def test_add_with_key_needs_no_password(smsfs, key, store):
    """An account for keys only would have a password that somebody had to invent."""
    assert smsfs("account", "add", "office", "--dialect", "gatewayapi", "--key", key).status == 0
    found = store.accounts.find("office")
    assert found.password is None
    assert len(store.accounts.keys(found.id)) == 1


@pytest.mark.parametrize(
    ("arguments", "text", "told"),
    [
        (["a b"], "password\n", "'a b' is no account name: letters, digits and . _ @ - only, at most 64."),
        (["../x"], "password\n", "'../x' is no account name"),
        (["x" * 65], "password\n", "is no account name"),
        (["clinic"], "password\n", "There is an account clinic already."),
        (["x"], "", "The password is empty."),
        (["x", "--set", "foo=1"], "password\n", "There is no setting 'foo'; there are alias_seconds, "),
        (["x", "--set", "bad_rows"], "password\n", "A setting is given as KEY=VALUE, not 'bad_rows'."),
        (
            ["x", "--set", "backend=smpp"],
            "password\n",
            "There is no backend 'smpp' in the configuration; there are: outbox.",
        ),
        (
            ["x", "--set", "backend=45=smpp,outbox outbox"],
            "password\n",
            "There is no backend 'smpp' in the configuration; there are: outbox.",
        ),
        (
            ["x", "--set", "backend=45=outbox"],
            "password\n",
            "The setting backend is no route: it lacks an entry without a prefix, for all other numbers.",
        ),
        (
            ["x", "--key", "empty"],
            "password\n",
            "empty holds no OpenSSH public key; give the file that ends in .pub.",
        ),
        (
            ["x", "--key", "key"],
            "password\n",
            "key holds no OpenSSH public key; give the file that ends in .pub.",
        ),
    ],
)
@pytest.mark.usefixtures("clinic", "key")
def test_add_refuses_with_a_sentence(smsfs, tmp_path, store, arguments, text, told):
    """An account would be made wrong, or a traceback shown, or half of it would stay."""
    (tmp_path / "empty").touch()
    done = smsfs("account", "add", "--dialect", "gatewayapi", "--password-stdin", *arguments, text=text)
    assert told in sentence(done)
    assert [account.name for account in store.accounts.all()] == ["clinic"]


def test_add_takes_no_folder_for_a_key(smsfs, tmp_path):
    """A slip in a path would end in a traceback."""
    done = smsfs("account", "add", "x", "--dialect", "gatewayapi", "--key", tmp_path)
    assert done.status == 2
    assert "is a directory" in done.err
    assert "Traceback" not in done.err


@pytest.mark.usefixtures("clinic")
def test_list(smsfs, key):
    """An operator could not see who may log in, and how."""
    smsfs("account", "add", "office", "--dialect", "gatewayapi", "--key", key)
    first, second = smsfs("account", "list", "--json").rows()
    assert (first["name"], first["login"], first["files"]) == ("clinic", "password", 0)
    assert (second["name"], second["login"], second["state"]) == ("office", "key", "open")
    table = smsfs("account", "list").out.splitlines()
    assert table[0].split() == ["name", "dialect", "state", "login", "files", "bytes"]
    assert table[1].split() == ["clinic", "gatewayapi", "open", "password", "0", "0"]


def test_show_has_every_setting(smsfs, clinic):
    """An operator would not find the setting to change."""
    lines = [line.split() for line in smsfs("account", "show", clinic).out.splitlines()]
    wanted = settings_of(dialect("gatewayapi"), {})
    shown = {line[0]: line[1] if len(line) > 1 else "" for line in lines}
    assert {key: shown.get(key) for key in wanted} == {key: as_text(value) for key, value in wanted.items()}
    assert smsfs("account", "show", clinic, "--json").rows()[0]["settings"] == wanted


def test_set_changes_what_it_names(smsfs, clinic, store):
    """A setting would be lost when another is changed."""
    assert smsfs("account", "set", clinic, "bad_rows=skip", "max_files=7").status == 0
    assert smsfs("account", "set", clinic, "max_files=8").status == 0
    assert store.accounts.find(clinic).settings == {"bad_rows": "skip", "max_files": 8}


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        ("email=ann", 'The email must be an address such as sms@example.com, not "ann".'),
        ("email=ä@example.com", "The email must be an address"),
        ("chmod=maybe", "chmod is one of refuse, ignore, not 'maybe'."),
        ("bad_rows=x", 'bad_rows is reject or skip, not "x".'),
        ("max_files=-1", "max_files is a whole number of at most 15 digits, not '-1'."),
        ("validity_seconds=315360001", "validity_seconds is at most 315360000, not 315360001."),
        (
            "validity_seconds=59",
            "validity_seconds is at least 60, not 59: a message has to be read and",
        ),
        ("alias_seconds=2592001", "alias_seconds is at most 2592000, not 2592001."),
        ("duplicate_seconds=999999999", "duplicate_seconds is at most 31622400, not 999999999."),
        ("max_file_bytes=0", "max_file_bytes is at least 1, not 0: nothing could be uploaded."),
        ("max_files=0", "max_files is at least 1, not 0: nothing could be uploaded."),
        ("max_bytes=0", "max_bytes is at least 1, not 0: nothing could be uploaded."),
        ("max_open_files=0", "max_open_files is at least 1, not 0: nothing could be uploaded."),
        ("keep_files_days=0", "keep_files_days is at least 1, not 0: "),
        ("keep_messages_days=0", "keep_messages_days is at least 1, not 0: "),
        ("keep_messages_days=36501", "keep_messages_days is at most 36500, not 36501."),
        ("max_files=9999999999999999", "max_files is a whole number of at most 15 digits"),
        ("max_batch_bytes=0", 'max_batch_bytes is a number of bytes, at least 1, not "0".'),
    ],
)
def test_set_refuses_wrong_values(smsfs, clinic, store, pair, told):
    """A value that the server cannot use would break the account."""
    assert told in sentence(smsfs("account", "set", clinic, "alias_seconds=5", pair))
    assert store.accounts.find(clinic).settings == {}


def test_passwd_replaces_the_password(smsfs, clinic, store):
    """A password that became known could not be changed."""
    assert smsfs("account", "passwd", clinic, "--password-stdin", text="new one!\n").status == 0
    stored = store.accounts.find(clinic).password
    assert (_verify(stored, "new one!"), _verify(stored, "secret-1")) == (True, False)


@pytest.mark.parametrize("password", ["x", "1234567", "äöüäöüä"])
def test_short_passwords_are_refused(smsfs, clinic, store, password):
    """An account that sends messages at somebody's cost could be guessed open in a day."""
    before = store.accounts.find(clinic).password
    told = f"The password has {len(password)} characters, which is soon guessed; it needs 8."
    changed = smsfs("account", "passwd", clinic, "--password-stdin", text=f"{password}\n")
    assert sentence(changed) == f"smsfs: {told}"
    made = smsfs(
        *("account", "add", "second", "--dialect", "gatewayapi", "--password-stdin"), text=f"{password}\n"
    )
    assert sentence(made) == f"smsfs: {told}"
    assert store.accounts.find("second") is None
    assert store.accounts.find(clinic).password == before


def test_passwd_adds_and_drops_keys(smsfs, clinic, key, store):
    """The key of a stolen laptop could not be taken away, or the password would go with it."""
    found = store.accounts.find(clinic)
    assert smsfs("account", "passwd", clinic, "--key", key).status == 0
    (shown,) = smsfs("account", "show", clinic, "--json").rows()
    (fingerprint,) = shown["keys"]
    assert smsfs("account", "passwd", clinic, "--drop-key", fingerprint).status == 0
    assert store.accounts.keys(found.id) == []
    assert store.accounts.find(clinic).password == found.password
    assert (
        sentence(smsfs("account", "passwd", clinic, "--drop-key", "x")) == "smsfs: The account has no key x."
    )


def test_disable_and_undo(smsfs, clinic, store):
    """An account could not be shut out, or never let in again."""
    assert smsfs("account", "disable", clinic).status == 0
    assert store.accounts.find(clinic).disabled
    assert smsfs("account", "disable", clinic, "--undo").status == 0
    assert not store.accounts.find(clinic).disabled


def test_remove_asks_first(smsfs, clinic, store):
    """A slip would delete an account with its history."""
    done = smsfs("account", "remove", clinic, text="n\n")
    assert (done.status, done.err) == (1, "Aborted.\n")
    assert store.accounts.find(clinic)
    assert smsfs("account", "remove", clinic, text="y\n").status == 0
    assert store.accounts.find(clinic) is None


def test_remove_takes_the_files_along(smsfs, clinic, store, submitted, tmp_path):
    """Messages that nobody may read any more would stay on the disk."""
    submitted("list.csv", until="sent")
    assert smsfs("account", "remove", clinic, "--yes").status == 0
    assert list((tmp_path / "data" / "contents").iterdir()) == []
    assert list(store.queue.batches()) == []


def test_remove_waits_for_messages_under_way(smsfs, clinic, store, submitted):
    """Messages that the client was promised would vanish."""
    submitted("list.csv")
    assert "still on its way" in sentence(smsfs("account", "remove", clinic, "--yes"))
    assert store.accounts.find(clinic)


@pytest.mark.parametrize(
    "arguments",
    [
        ["account", "show", "nobody"],
        ["account", "set", "nobody", "chmod=ignore"],
        ["account", "passwd", "nobody", "--password-stdin"],
        ["account", "disable", "nobody"],
        ["account", "remove", "nobody", "--yes"],
        ["files", "--account", "nobody"],
        ["messages", "--account", "nobody"],
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("clinic")
def test_unknown_account(smsfs, arguments):
    """A slip in a name would end in an empty answer or a traceback, not with the names there are."""
    assert (
        sentence(smsfs(*arguments, text="password\n"))
        == "smsfs: There is no account nobody; there are: clinic."
    )


def test_results_need_the_name_of_their_folder(smsfs, clinic, store):
    """A client's file would be hidden behind the folder of the same name."""
    account = store.accounts.find(clinic)
    with store.files.change(account.id) as files:
        files.add(account.id, "results", store.contents.create(), 1.0)
    done = smsfs("account", "set", clinic, "results=true")
    assert done.status == 1
    assert done.err.strip() == "smsfs: There is a file named results in the account; rename it first."
    assert smsfs("account", "set", clinic, "results=false").status == 0


@pytest.mark.parametrize(
    ("given", "kept", "shown"), [("5000", 5000, "5000"), ("0", 0, "0"), ("", None, "no")]
)
def test_credits_are_set_and_shown(smsfs, clinic, store, given, kept, shown):
    """A customer could send without end, or an operator not see what is left of what was paid."""
    assert smsfs("account", "set", clinic, "credits=7").status == 0
    assert smsfs("account", "set", clinic, f"credits={given}", "max_files=7").status == 0
    account = store.accounts.find(clinic)
    assert (store.accounts.credits(account.id), account.settings) == (kept, {"max_files": 7})
    lines = [line.split() for line in smsfs("account", "show", clinic).out.splitlines()]
    assert next(line[1] for line in lines if line[0] == "credits") == shown
    assert smsfs("account", "show", clinic, "--json").rows()[0]["credits"] == kept


def test_an_account_may_begin_with_credits(smsfs, store):
    """Between its making and its limit, an account could send whatever it likes."""
    options = ("--dialect", "smsportal", "--password-stdin", "--set", "credits=3")
    assert smsfs("account", "add", "paid", *options, text="password\n").status == 0
    assert store.accounts.credits(store.accounts.find("paid").id) == 3


@pytest.mark.parametrize("text", ["-1", "many", "1.5", "9" * 16])
def test_wrong_credits_are_refused(smsfs, clinic, store, text):
    """A slip would lift the limit of an account, or end in a traceback."""
    assert "The credits are a number of SMS" in sentence(smsfs("account", "set", clinic, f"credits={text}"))
    assert store.accounts.credits(store.accounts.find(clinic).id) is None


def test_an_address_without_a_relay_is_told(smsfs, clinic, tmp_path):
    """An operator would set an address and wait for mails that never come."""
    note = "No e-mail is sent before the configuration has a section [mail].\n"
    assert smsfs("account", "set", clinic, "email=a@example.com").out.startswith(note)
    assert note not in smsfs("account", "set", clinic, "email=").out
    file = tmp_path / "mail.toml"
    file.write_text('[mail]\nhost = "127.0.0.1"\nsender = "s@example.com"\n', encoding="utf-8")
    assert note not in smsfs("account", "set", clinic, "email=a@example.com", "-c", file).out
