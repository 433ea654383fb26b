"""What the server holds for clients that send faster than it works, or read slower."""

import asyncio
import struct
import threading

from smsfs.frontends.sftp import channel
from smsfs.frontends.sftp.wire import Request

MIB = 2**20
SESSIONS = 6
EACH = 8 * MIB


def packet(kind, body):
    """A request."""
    return struct.pack(">IB", 1 + len(body), kind) + body


def held(serving):
    """Bytes that were sent and not executed, of all channels."""
    (client,) = serving.server._clients
    unread = sum(len(data) for each in client._channels for data, _ in each._chan._recv_buf)
    return unread + sum(each._queued for each in client._channels)


def test_what_one_account_sends_ahead_is_bounded(run, serve, memory, monkeypatch):
    """An account with many sessions could have the server hold what it sends, until all memory is used up."""
    monkeypatch.setattr(channel, "LARGE_BUFFERS", 1)
    memory.gate = threading.Event()

    async def quiet(serving):
        last, same = -1, 0
        while same < 20:
            await asyncio.sleep(0.02)
            now = held(serving)
            last, same = now, same + 1 if now == last and now else 0
        return last

    async def scenario():
        async with serve(max_sessions=SESSIONS) as serving, serving.connect() as connection:
            opened = packet(Request.INIT, struct.pack(">I", 3))
            opened += packet(Request.OPEN, struct.pack(">II5sII", 1, 5, b"a.csv", 0x1A, 0))
            write = packet(Request.WRITE, struct.pack(">II1sQI", 2, 1, b"1", 0, 2**15) + bytes(2**15))
            for _ in range(SESSIONS):
                writer, _, _ = await connection.open_session(subsystem="sftp", encoding=None)
                writer.write(opened + write * (EACH // len(write)))
            try:
                most = await quiet(serving)
            finally:
                memory.gate.set()
                connection.abort()
        return most

    most = run(scenario())
    large, small = channel.Room(), channel.room_of(SESSIONS)
    room = large.queued + large.window + (SESSIONS - 1) * (small.queued + small.window)
    assert small.queued < most <= room + SESSIONS * MIB
    assert most < SESSIONS * (large.queued + large.window) / 2
