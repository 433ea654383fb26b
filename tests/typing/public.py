"""What programs may import from smsfs, with its types; mypy checks this file, and nothing runs it."""

import re
from pathlib import Path
from typing import assert_type

from smsfs.backends import Accepted, Answer, Backend, Envelope, NotTaken, Rejected, Throttled, Unknown
from smsfs.config import Config, load
from smsfs.errors import Refusal
from smsfs.filesystem import Entry, Filesystem
from smsfs.frontends.pyfilesystem import SmsfsFS, SmsfsOpener
from smsfs.simulator import Behaviour, Received, Simulator
from smsfs.sms.message import Message


async def simulated() -> None:
    """A test of somebody's own against the simulator."""
    behaviour = Behaviour(latency=0.01, rejects=[(re.compile("^99"), 0x0B)])
    async with Simulator(behaviour) as smsc:
        assert_type(smsc, Simulator)
        assert_type(smsc.port, int)
        assert_type(smsc.messages, list[Received])
        assert_type(smsc.messages[0].text, str)
        assert_type(smsc.messages[0].parts, int)
        assert_type(smsc.messages[0].ids, list[str])


def configured() -> None:
    """A program that reads a server's configuration."""
    assert_type(load(Path("smsfs.toml")), Config)
    assert_type(load(None).data, Path)


def listed(filesystem: Filesystem) -> None:
    """What a frontend of somebody's own may call."""
    assert_type(filesystem.stat("/list.csv"), Entry)
    assert_type(filesystem.listdir("/"), list[Entry])
    assert_type(Refusal("Not here.").errno, int | None)


def plugin(filesystem: Filesystem) -> None:
    """What the plugin gives."""
    opened = SmsfsFS(filesystem)
    assert_type(opened.listdir("/"), list[str])
    assert_type(SmsfsOpener().protocols, list[str])


def answered(answer: Answer) -> str:
    """Every answer of a backend is one of these four."""
    match answer:
        case Accepted():
            assert_type(answer.id, str)
            assert_type(answer.more, tuple[str, ...])
        case Rejected():
            assert_type(answer.code, str)
        case Throttled():
            assert_type(answer.retry_after, float)
        case Unknown():
            assert_type(answer.requests, int)
    return "all"


def sent(backend: Backend, envelope: Envelope) -> None:
    """What a backend is given."""
    assert_type(backend.slices, int)
    assert_type(envelope.message, Message)
    assert_type(envelope.message.recipient, str)
    assert_type(NotTaken("the carrier is away"), NotTaken)
