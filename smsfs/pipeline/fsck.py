"""Checks of a store: what should hold between its files, batches, messages and contents."""

from collections.abc import Iterator

from smsfs.pipeline.slices import DamagedSlice, messages_of
from smsfs.states import BatchState, FileState
from smsfs.store import Batch, Slice, Store

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
    unread = (BatchState.PENDING, BatchState.READING)
    open_files = {batch.file for batch in batches if batch.state in unread}
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
    if batch.state is not BatchState.ACCEPTED:
        return
    stored: list[int] = []
    for item in store.queue.slices(batch.id):
        try:
            rows = [message.row for message in messages_of(item)]
        except DamagedSlice as exc:
            yield _damaged(batch, item, exc)
            rows = [0] * item.size
        stored += [] if item.again else rows
    known = [row for row in stored if row > 0]
    if len(stored) != batch.messages or len(set(known)) != len(known):
        yield f"Batch {batch.id} ({batch.path}) has {batch.messages} messages, but {len(stored)} are stored."


def _damaged(batch: Batch, slice_: Slice, why: DamagedSlice) -> str:
    """What cannot be sent any more."""
    which = f"{slice_.size} messages of batch {batch.id} ({batch.path})"
    rows = f"rows {slice_.first_row} to {slice_.last_row}, slice {slice_.id}"
    return f"The record of {which}, {rows}, is damaged: {why}; send those rows again in a new file."


def repair(store: Store) -> list[str]:
    """Mend what can be mended without losing anything; what was done."""
    dead = store.settle()
    done = [f"{dead} dead processes let go of what they held."] if dead else []
    orphans = store.contents.orphans(store.now() - ORPHAN_SECONDS)
    store.contents.delete(orphans)
    done += [f"{len(orphans)} contents without a file deleted."] if orphans else []
    return done + list(_put_back(store))


def _put_back(store: Store) -> Iterator[str]:
    """Queue slices again that were set aside, and can be read since: the database was mended."""
    for aside in store.trouble.asides():
        slice_ = store.feed.slice(aside.slice)
        if not aside.in_doubt and slice_ and _is_whole(slice_) and store.trouble.put_back(aside.slice):
            yield f"{aside.size} messages of batch {aside.batch} can be read again and are queued."


def _is_whole(slice_: Slice) -> bool:
    try:
        messages_of(slice_)
    except DamagedSlice:
        return False
    return True
