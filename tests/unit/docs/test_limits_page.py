"""The page of limits, against the code."""

import re
from pathlib import Path

import attrs
import pytest

from smsfs.backends.http.hooks import MOST_ITEMS
from smsfs.cli import descriptors
from smsfs.config import Config, FtpConfig, LimitsConfig, PipelineConfig, SftpConfig, StoreConfig
from smsfs.dialects.gatewayapi.rows import MAX_BAD_ROWS
from smsfs.dialects.settings import COMMON
from smsfs.formats import archives, json_stream, marks, tables
from smsfs.frontends import hooks, listen_errors, web
from smsfs.frontends.ftp import commands, control
from smsfs.frontends.pages import desk, server, sessions
from smsfs.frontends.sftp import channel, files, handles, wire
from smsfs.metrics import MOST_SERIES
from smsfs.names import MAX_NAME

PAGE = (Path(__file__).parents[3] / "docs" / "limits.md").read_text(encoding="utf-8")
LINES = [line for line in PAGE.splitlines() if line.startswith("| ")][1:]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES]
SECTIONS = {"sftp": SftpConfig(), "ftp": FtpConfig(), "limits": LimitsConfig()}
#: Keys of those sections that are no limits.
OTHERS = {
    "public_host",
    "listen",
    "implicit_listen",
    "plain",
    "certificate",
    "key",
    "passive_ports",
    "masquerade_address",
}
OTHERS |= {"legacy_algorithms", "proxy_from", "ban_window", "ban_time"}
#: Fixed ones, by how their row begins.
FIXED = {
    "files and folders open in one SFTP session": handles.MAX_HANDLES,
    "connections": web.MAX_CONNECTIONS,
    "accounts, or other values of labels": MOST_SERIES,
    "length of a request to a webhook": web.MAX_BODY,
    "receipts and replies in a request": MOST_ITEMS,
    "receipts and replies that wait for the store": hooks.MOST_WAITING,
    "seconds for the body of a request": hooks.READ_SECONDS,
    "logins to the web page": server.MOST_LOGINS,
    "messages that a search on the web page": desk.MOST_FOUND,
    "seconds for a search": desk.SEARCH_SECONDS,
    "seconds without a request": sessions.IDLE_SECONDS,
    "seconds that a session": sessions.MOST_SECONDS,
    "handshakes of TLS": listen_errors.MOST_HANDSHAKES,
    "seconds for a handshake": listen_errors.HANDSHAKE_SECONDS,
    "requests of a session that wait": channel.room_of(channel.LARGE_BUFFERS).queued,
    "replies of a session that wait": channel.room_of(channel.LARGE_BUFFERS).writes[0],
    "requests that wait, from the 9th": channel.room_of(channel.LARGE_BUFFERS + 1).queued,
    "replies that wait, from the 9th": channel.room_of(channel.LARGE_BUFFERS + 1).writes[0],
    "replies that a client leaves unread": control.MAX_UNREAD,
    "length of a command": commands.MAX_LINE,
    "length of a name": MAX_NAME,
    "seconds without a connection": listen_errors.PAUSE,
    "length of a request, in bytes": wire.MAX_PACKET,
    "bytes of one read": files.MAX_READ,
    "characters of a row of CSV": tables.MAX_ROW,
    "characters of a cell of CSV": tables.MAX_CELL,
    "characters of a value in JSON": json_stream.MAX_VALUE,
    "members of an object in JSON": json_stream.MAX_MEMBERS,
    "files in an archive": archives.MAX_DOCUMENTS,
    "bytes that a byte of an archive": archives.MAX_RATIO,
    "rows or contacts that are wrong": MAX_BAD_ROWS,
    "causes in a report": marks.MAX_CAUSES,
}


def keys():
    """Each key of the page with its default."""
    return {key.strip("`"): float(default) for _, default, key, *_ in ROWS if key}


def test_every_row_is_whole():
    """A reader would not find what a limit is of, or what its clients see."""
    for row in ROWS:
        assert len(row) == 5, row
        what, default, _, doors, seen = row
        assert what, row
        assert float(default) > 0, row
        assert doors, row
        assert seen, row


@pytest.mark.parametrize("name", SECTIONS)
def test_every_key_of_the_configuration_is_there(name):
    """An operator would not find a limit, or take a wrong number for its default."""
    values = {key: value for key, value in attrs.asdict(SECTIONS[name]).items() if key not in OTHERS}
    shown = {key.split("] ")[1]: value for key, value in keys().items() if key.startswith(f"[{name}]")}
    assert shown == values


def test_the_memory_of_a_reader_is_there():
    """An operator would take a wrong number for what one client's file may use of the host."""
    assert keys()["[pipeline] reader_memory"] == PipelineConfig().reader_memory


def test_every_setting_of_an_account_is_there():
    """An operator would not find a limit of an account, or take a wrong number for its default."""
    shown = {key: value for key, value in keys().items() if not key.startswith("[")}
    assert shown == {key: value for key, value in COMMON.items() if key.startswith("max_")}


def test_fixed_limits_are_there():
    """A client's programmer would rely on a number that does not hold."""
    shown = [(what, float(default)) for what, default, key, *_ in ROWS if not key]
    assert len(shown) == len(FIXED)
    for what, value in shown:
        (fixed,) = [number for beginning, number in FIXED.items() if what.startswith(beginning)][-1:]
        assert value == fixed, what


def test_the_sum_is_right():
    """An operator would set a limit of open files that is too low."""
    config = Config(StoreConfig("sqlite:///srv/smsfs.db"))
    with_ftp = Config(StoreConfig("sqlite:///srv/smsfs.db"), ftp=FtpConfig(plain=True))
    numbers = [int(number) for number in re.findall(r"that is (\d+), with FTP (\d+)", PAGE)[0]]
    assert numbers == [descriptors.wanted(config), descriptors.wanted(with_ftp)]
    reserved, web_places, each = re.findall(r"(?m)^    (\d+) \+ (\d+) \+ .* \+ (\d+) \*", PAGE)[0]
    assert (int(reserved), int(web_places), int(each)) == (
        descriptors.RESERVED,
        descriptors.WEB,
        descriptors.FTP_EACH,
    )
