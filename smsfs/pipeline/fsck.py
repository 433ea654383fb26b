"""Checks of a store: what should hold between its files, batches, messages and contents."""

from collections.abc import Iterator

from smsfs.pipeline.dispatch import messages_of
from smsfs.states import FileState
from smsfs.store import Batch, Store

ORPHAN_SECONDS = 3600.0


def faults(store: Store) -> Iterator[str]:
    """One sentence for each thing that is wrong."""
    yield from store.damage()
    for file in store.contents.missing():
        yield f"The bytes of file {file.path} (number {file.id}) are missing."
    orphans = store.contents.orphans(store.now() - ORPHAN_SECONDS)
    if orphans:
        yield f"{len(orphans)} contents belong to no file; --repair deletes them."
    batches = list(store.queue.batches())
    yield from _files_in_flight(store, batches)
    for batch in batches:
        yield from _messages(store, batch)


def _files_in_flight(store: Store, batches: list[Batch]) -> Iterator[str]:
    open_files = {batch.file for batch in batches if batch.state in ("pending", "reading")}
    stuck = [
        file for file in store.files.all() if file.state is FileState.PROCESSING and file.id not in open_files
    ]
    results = store.results.files()
    for file in stuck:
        now = store.files.view().get(file.id)
        if file.id not in results and now and now.state is FileState.PROCESSING:
            yield f"File {file.path} (number {file.id}) is processing, but nothing will read it."


def _messages(store: Store, batch: Batch) -> Iterator[str]:
    """Every accepted message is stored exactly once, beside its repetitions."""
    if batch.state != "accepted":
        return
    stored = [
        message.row
        for item in store.queue.slices(batch.id)
        if not item.again
        for message in messages_of(item)
    ]
    if len(stored) != batch.messages or len(set(stored)) != len(stored):
        yield f"Batch {batch.id} ({batch.path}) has {batch.messages} messages, but {len(stored)} are stored."


def repair(store: Store) -> list[str]:
    """Mend what can be mended without losing anything; what was done."""
    dead = store.settle()
    done = [f"{dead} dead processes let go of what they held."] if dead else []
    orphans = store.contents.orphans(store.now() - ORPHAN_SECONDS)
    store.contents.delete(orphans)
    return done + ([f"{len(orphans)} contents without a file deleted."] if orphans else [])
