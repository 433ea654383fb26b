"""The processes that ``smsfs serve`` starts: kept up, and reported when they do not stay up."""

import asyncio
import signal
import sys
from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import structlog

from smsfs.cli.forked import Forked, Waiting, with_numbers
from smsfs.cli.terminal import DAMAGED, TEMPORARY
from smsfs.config import Config
from smsfs.errors import StoreDamaged, StoreUnavailable
from smsfs.metrics import Told
from smsfs.metrics.slate import Book
from smsfs.pipeline.intake.in_hand import InHand, is_own_fault
from smsfs.store import Process, Store, WorkerState
from smsfs.store.trouble import WEBHOOK

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0
STEADY_SECONDS = 60.0
#: A process that ends so often within a minute does not stay up.
ENDS = 3
#: One that did not counts as up again when it has run for so long, and for twice as long as it lasted before.
LEAST_RUN = 5.0
#: What a process says before its number in the store.
OWNER = "owner "
LOOK_SECONDS = 1.0
#: No carrier for so long is worth a warning.
AWAY_SECONDS = 60.0
#: What a host without cannot take in, or send.
NEEDED = ("intake", "dispatch")

log = structlog.get_logger()


class Worker:
    """One process of the pipeline, started again when it ends by itself.

    It says on its standard output who it is in the store, and why it ends, a line each.

    Args:
        name: what it does.
        config_file: which it reads.
        store: where others go on with what it held.
        config: of ``smsfs serve``.
        waiting: the process that it is at first; None for a fresh one.

    Attributes:
        name: what it does.
        owner: its number in the store; 0 while it has not said.
    """

    def __init__(
        self,
        name: str,
        config_file: Path | None,
        store: Store,
        config: Config,
        waiting: Waiting | None = None,
    ) -> None:
        self.name = name
        self._waiting = waiting
        self._config_file = config_file
        self._started = ""
        self._store = store
        self._config = config
        self._process: asyncio.subprocess.Process | Forked | None = None
        self._stopping = asyncio.Event()
        self._in_hand = InHand() if name == "intake" else None
        self._health = Health()
        self._book = Book()
        self._said = ""
        self.owner = 0

    async def run(self) -> None:
        """Keep it running until ``stop``."""
        pause = FIRST_PAUSE
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            began = loop.time()
            self._health.began(began)
            try:
                status = await self._once()
                if status == DAMAGED:
                    what = f"{self.name} met it; the log says what it is"
                    self._store.condemn(StoreDamaged.told(what, str(self._config.database or "")))
                if self._stopping.is_set():
                    return
                self._ended(status, pause)
                await asyncio.to_thread(self._settle, status)
            except OSError as exc:  # the store or the host has no room; the next process settles at its start
                self._health.ended(loop.time(), str(exc))
                log.error("worker_not_settled", worker=self.name, reason=str(exc), again_in=pause)  # noqa: TRY400 -- the sentence says it all
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = FIRST_PAUSE if loop.time() - began > STEADY_SECONDS else min(pause * 2, LONGEST_PAUSE)

    def _ended(self, status: int, pause: float) -> None:
        """Tell that it ended; and of one that does not stay up, that as well, once for each reason."""
        now, why = asyncio.get_running_loop().time(), _why(status, self._said)
        known = self._health.trouble(now)
        self._health.ended(now, why)
        tell = log.warning if status == TEMPORARY else log.error  # it gave way to a store that was away
        tell("worker_ended", worker=self.name, status=status, reason=why, again_in=pause)
        trouble = self._health.trouble(now)
        if trouble and trouble != known:
            tell("worker_does_not_stay_up", worker=self.name, reason=trouble)

    def told(self) -> Told:
        """What its processes have counted, and how the one that runs stands."""
        return self._book.told()

    def trouble(self) -> str:
        """Why it does not stay up, a clause; empty when it does."""
        return self._health.trouble(asyncio.get_running_loop().time())

    async def _once(self) -> int:
        self._started = uuid4().hex
        options = ["--name", self._started, "--grace", str(self._config.pipeline.stop_grace)]
        options += ["-c", str(self._config_file)] if self._config_file else []
        files = {"--counts": self._book.begin()}
        if self._in_hand:
            files["--in-hand"] = self._in_hand.descriptor
            self._in_hand.note(0)
        self._process = await self._begin(["worker", self.name, *options], files)
        if self._stopping.is_set() and self._process.stdin:  # stop() was too early to see this process
            self._process.stdin.close()
        self.owner, self._said = 0, ""
        await self._listen(self._process.stdout)
        status = await self._process.wait()
        self._book.end()
        return status

    async def _begin(
        self, arguments: list[str], files: Mapping[str, int]
    ) -> asyncio.subprocess.Process | Forked:
        """A process with these arguments and, by the names of options, these open files."""
        waiting, self._waiting = self._waiting, None
        if waiting and (forked := await Forked.started(waiting, arguments, files)):
            return forked
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "smsfs", *arguments, *with_numbers(files, files.values())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
            pass_fds=list(files.values()),
        )

    async def _listen(self, stream: asyncio.StreamReader | None) -> None:
        """Take what it says until it ends."""
        while stream and (line := await stream.readline()):
            text = line.decode("utf-8", "replace").strip()
            if text.startswith(OWNER):
                self.owner = int(text.removeprefix(OWNER))
            else:
                self._said = text

    def _settle(self, status: int) -> None:
        """Have others go on with what it held; of a reader, note over which file it died."""
        with suppress(StoreUnavailable):
            self._store.settle(ended=self._started)
            batch = self._in_hand.last() if self._in_hand else 0
            if batch and status not in (TEMPORARY, DAMAGED):
                retry_at = self._store.now() + self._config.pipeline.retry_seconds
                self._store.queue.crashed(batch, retry_at, surely=is_own_fault(status))
                log.error("reader_died", batch=batch, status=status, its_fault=is_own_fault(status))

    async def stop(self, grace: float) -> None:
        """Let it finish what it has in hand, for as many seconds as ``grace``."""
        self._stopping.set()
        if self._waiting:
            self._waiting.dismiss()
            self._waiting = None
        process = self._process
        if process is None or process.returncode is not None:
            return
        if process.stdin:
            process.stdin.close()
        done, _ = await asyncio.wait({asyncio.create_task(process.wait())}, timeout=grace)
        if not done:
            log.error("worker_killed", worker=self.name)
            process.kill()


class Health:
    """Whether a process stays up. Times are seconds of any steady clock."""

    def __init__(self) -> None:
        self._ends: deque[float] = deque(maxlen=ENDS)
        self._runs: deque[float] = deque(maxlen=ENDS)
        self._began = 0.0
        self._running = False
        self._why = ""

    def began(self, now: float) -> None:
        """It was started."""
        self._began, self._running = now, True

    def ended(self, now: float, why: str) -> None:
        """It ended by itself."""
        if self._running and self._is_steady(now):
            self._ends.clear()
            self._runs.clear()
            self._why = ""
        self._ends.append(now)
        self._runs.append(now - self._began)
        self._running = False
        often = len(self._ends) == ENDS and self._ends[-1] - self._ends[0] <= STEADY_SECONDS
        if often or self._why:
            self._why = why

    def trouble(self, now: float) -> str:
        """Why it does not stay up; empty when it does."""
        if not self._why or (self._running and self._is_steady(now)):
            return ""
        return f"it ends again and again, the last time: {self._why}"

    def _is_steady(self, now: float) -> bool:
        return now - self._began > max([LEAST_RUN, *(2 * run for run in self._runs)])


def _why(status: int, said: str) -> str:
    """Why a process ended, a clause: what it said itself, or its status."""
    if said:
        return said.rstrip(".")
    if status < 0:
        with suppress(ValueError):
            return f"it was ended by {signal.Signals(-status).name}"
    return f"it ended with status {status}"


class Watch:
    """Reports which of a host's processes do not stay up, and when no carrier can be had.

    Args:
        store: where it is reported.
        owner: the process that starts them.
        workers: the processes.

    Attributes:
        webhooks: says of which backends' webhooks calls were refused, and a clause about it.
    """

    def __init__(self, store: Store, owner: Process, workers: Iterable[Worker]) -> None:
        self.webhooks: Callable[[], Mapping[str, str]] = dict
        self._store, self._owner, self._workers = store, owner, list(workers)
        self._reported: tuple[int, dict[str, WorkerState]] = owner.id, {}
        self._away = ""

    def fault(self) -> str | None:
        """Why this host cannot take in or send, a sentence; None when it can."""
        for name in NEEDED:
            troubles = [worker.trouble() for worker in self._workers if worker.name == name]
            if troubles and all(troubles):
                return f"The process {name} does not stay up: {troubles[0]}."
        return None

    def warning(self) -> str:
        """What an operator should look at though this host does its work; empty when there is nothing."""
        return self._away

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            troubles = {worker.name: why for worker in self._workers if (why := worker.trouble())}
            troubles |= {f"{WEBHOOK}{name}": why for name, why in self.webhooks().items()}
            dispatchers = {worker.owner for worker in self._workers if worker.name == "dispatch"}
            try:
                await asyncio.to_thread(self._report, troubles)
                await asyncio.to_thread(self._look, dispatchers)
            except (StoreUnavailable, StoreDamaged):
                pass  # the health page says so by itself
            except Exception:
                log.exception("watch_failed")
            await asyncio.sleep(LOOK_SECONDS)

    def _report(self, troubles: dict[str, str]) -> None:
        owner, now = self._store.current(self._owner), self._store.now()
        to, known = self._reported
        if to == owner.id and {name: state.reason for name, state in known.items()} == troubles:
            return
        states = {
            name: WorkerState(name, why, known[name].since if name in known else now, owner.id)
            for name, why in troubles.items()
        }
        self._store.trouble.report_workers(owner, list(states.values()))
        for name in known.keys() - troubles.keys():
            if not name.startswith(WEBHOOK):
                log.warning("worker_stays_up", worker=name)
        self._reported = owner.id, states

    def _look(self, dispatchers: Container[int]) -> None:
        """Whether any carrier can be had here."""
        states = [state for state in self._store.routing.states() if state.owner in dispatchers]
        away = ""
        if states and all(state.state in ("down", "open") for state in states):
            since = max(state.since for state in states)
            if self._store.now() - since >= AWAY_SECONDS:
                why = "; ".join(f"{state.backend}: {state.reason}" for state in states)
                moment = f"{datetime.fromtimestamp(since, UTC):%Y-%m-%dT%H:%M:%SZ}"
                away = f"No backend can send since {moment}: {why}."
        if away and not self._away:
            log.warning("no_backend_can_send", reason=away)
        elif self._away and not away:
            log.warning("backends_are_back")
        self._away = away
