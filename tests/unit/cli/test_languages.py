"""What a text takes by the backend that it is to leave by."""

import pytest

CONFIG = """
[pipeline]
default_backend = "90=turkish,plain plain"

[backends.turkish]
type = "smpp"
host = "127.0.0.1"
system_id = "a"
password = "b"
languages = ["tr"]

[backends.plain]
type = "outbox"
"""
TEXT = "Ağ şubesi, çağri. " * 5


@pytest.fixture
def config(tmp_path):
    """A configuration in which one of two backends uses national tables."""
    path = tmp_path / "tables.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("how", ["dialect", "account"])
def test_the_preview_counts_national_tables(smsfs, tmp_path, config, how):
    """A client would be told of twice as many SMS as its backend sends."""
    rows = "".join(f"{number},{TEXT}\n" for number in ("905321234567", "4512345678"))
    (tmp_path / "list.csv").write_text(f"msisdn;message\n{rows}".replace(",Ağ", ";Ağ"), encoding="utf-8")
    (tmp_path / "list.csv").rename(tmp_path / "list.csv.excel")
    whose = ("--dialect", "gatewayapi")
    if how == "account":
        add = ("account", "add", "shop", "--dialect", "gatewayapi", "--password-stdin", "-c", config)
        assert smsfs(*add, text="secret-enough\n").status == 0
        whose = ("--account", "shop")
    (found,) = smsfs("check", "list.csv.excel", *whose, "-c", config, "--json").rows()
    assert (found["accepted"], found["parts"], found["encodings"]) == (True, 3, {"gsm7": 1, "ucs2": 1})
    assert [(item["encoding"], item["parts"]) for item in found["first"]] == [("gsm7", 1), ("ucs2", 2)]
    (before,) = smsfs("check", "list.csv.excel", "--dialect", "gatewayapi", "--json").rows()
    assert before["parts"] == 4
