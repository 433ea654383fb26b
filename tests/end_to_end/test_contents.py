"""What is in a file is what leaves: many rows, every encoding, every form."""

import re
from collections import Counter

import pytest

TEXTS = {
    "1": "Kære Åse, regningen på 250 kr.… husk »den«!",
    "2": "Line one\nline two, with a comma; and a semicolon",
    "3": 'She said "hi" and paid 5 €',
    "4": " spaces around ",
}
BEYOND_CP1252 = {"5": "Αγαπητή Ήβη 🎉 你好"}


def table(texts, delimiter=",", end="\n"):
    """A file with these texts, by their references."""
    quoted = {reference: '"{}"'.format(text.replace('"', '""')) for reference, text in texts.items()}
    rows = [delimiter.join(("45123456" + reference, text, reference)) for reference, text in quoted.items()]
    return end.join([delimiter.join(("msisdn", "message", "userref")), *rows]) + end


ALL = {**TEXTS, **BEYOND_CP1252}
#: Name of the file -> its bytes and its texts.
FILES = {
    "utf-8.csv": (table(ALL).encode(), ALL),
    "utf-8 with mark.csv": (table(ALL).encode("utf-8-sig"), ALL),
    "utf-16 with mark.csv": (table(ALL).encode("utf-16"), ALL),
    "utf-16-le.csv": (table(ALL).encode("utf-16-le"), ALL),
    "utf-16-be.csv": (table(ALL).encode("utf-16-be"), ALL),
    "utf-32 with mark.csv": (table(ALL).encode("utf-32"), ALL),
    "cp1252.csv": (table(TEXTS).encode("cp1252"), TEXTS),
    "said to be.cp1252": (table(TEXTS).encode("cp1252"), TEXTS),
    "said to be.utf8": (table(ALL).encode(), ALL),
    "crlf.csv": (table(ALL, end="\r\n").encode(), ALL),
    "no end of line.csv": (table(ALL).rstrip("\n").encode(), ALL),
    "semicolons.csv.excel": (table(TEXTS, ";", "\r\n").encode("cp1252"), TEXTS),
    "both flags.excel.utf8": (table(ALL, ";").encode(), ALL),
    "both flags.cp1252.excel": (table(TEXTS, ";").encode("cp1252"), TEXTS),
    "utf-16 of Excel.excel": (table(ALL, ";", "\r\n").encode("utf-16"), ALL),
}


def submit(sftp, name, content):
    """Upload a file and rename it."""
    with sftp.open(name, "wb") as file:
        file.set_pipelined(pipelined=True)
        file.write(content)
    sftp.rename(name, f"{name}.ready")


@pytest.mark.parametrize("name", FILES)
def test_the_text_that_leaves_is_the_text_of_the_file(shop, sftp, name):
    """Recipients would get mangled letters, or a spreadsheet's file could not be sent."""
    content, texts = FILES[name]
    submit(sftp, name, content)
    shop.wait_for_state(sftp, name, "success")
    messages = shop.wait_for_sent(f"{name}.", len(texts))
    assert {message["userref"]: message["text"] for message in messages} == texts
    assert {message["userref"]: message["recipient"] for message in messages} == {
        reference: "45123456" + reference for reference in texts
    }


def test_10_000_rows_leave_once_each(shop, sftp, kit):
    """Of a large file, messages would be missing or doubled."""
    rows = 10_000
    submit(sftp, "large.csv", kit.csv_of("large.csv", rows).encode())
    name = shop.wait_for_state(sftp, "large.csv", "success", 60)
    messages = shop.wait_for_sent("large.csv", rows)
    assert Counter(message["userref"] for message in messages) == Counter(kit.references("large.csv", rows))
    assert sorted(message["row"] for message in messages) == list(range(1, rows + 1))
    assert {message["file"] for message in messages} == {name}
    states = Counter(message["state"] for message in shop.installation.rows("messages", "--file", name))
    assert states == {"submitted": rows}


def test_a_rejection_is_readable_in_the_encoding_of_its_file(shop, sftp):
    """A spreadsheet would show the cause, or the whole file, as garbage."""
    text = table({"1": "æøå"}).replace("451234561", "+45")
    for codec in ("utf-16", "cp1252", "utf-8-sig"):
        submit(sftp, f"rejected in {codec}", text.encode(codec))
        name = shop.wait_for_state(sftp, f"rejected in {codec}", "rejected")
        with sftp.open(name) as file:
            shown = file.read().decode(codec)
        assert shown.startswith(text.rstrip("\n"))
        assert re.search(r"\n#smsfs rejected: line 2, column msisdn: .+\n$", shown)


def test_one_bad_row_keeps_all_from_leaving(shop, sftp, kit):
    """Half of a file would be sent, and mending and sending the whole would send that half twice."""
    submit(sftp, "one bad row.csv", (kit.csv_of("one bad row", 2000) + "bad,row,is,here\n").encode())
    name = shop.wait_for_state(sftp, "one bad row.csv", "rejected")
    submit(sftp, "fence.csv", kit.csv_of("fence").encode())
    shop.wait_for_sent("fence.csv", 3)
    assert shop.sent("one bad row") == []
    assert shop.installation.rows("messages", "--file", name) == []
