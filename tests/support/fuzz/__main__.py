"""``python -m tests.support.fuzz --minutes N [--only KIND]``: all readers of strangers' bytes, by turns.

The first failure ends it with its traceback, and with the kind and the seed that repeat it.
"""

import random
import secrets
import time
from collections import Counter
from collections.abc import Callable

import click

from tests.support.fuzz import carriers, uploads

KINDS: dict[str, Callable[[random.Random], None]] = {
    each.__name__: each
    for each in (
        uploads.tables,
        uploads.leads,
        uploads.spools,
        uploads.campaigns,
        uploads.documents,
        uploads.numbers,
        uploads.texts,
        uploads.packets,
        carriers.deliveries,
    )
}


def run(kind: str, seed: int) -> None:
    """One case; the same seed makes the same."""
    try:
        KINDS[kind](random.Random(seed))  # noqa: S311 - to be repeated, not to be secret
    except BaseException:
        click.echo(f"failed: --only {kind} --seed {seed}", err=True)
        raise


@click.command()
@click.option("--minutes", default=1.0, show_default=True, help="Go on for so long.")
@click.option("--only", "kinds", multiple=True, type=click.Choice(list(KINDS)), help="Leave out other kinds.")
@click.option("--seed", type=int, help="Try one case of each kind, the one that a failure named.")
def main(minutes: float, kinds: tuple[str, ...], seed: int | None) -> None:
    """Feed random and damaged input to all readers."""
    done: Counter[str] = Counter()
    end = time.monotonic() + minutes * 60
    while seed is not None or time.monotonic() < end:
        for kind in kinds or KINDS:
            run(kind, seed if seed is not None else secrets.randbits(48))
            done[kind] += 1
        if seed is not None:
            break
    click.echo(", ".join(f"{count:,} {kind}" for kind, count in done.items()) + ": no failure")


if __name__ == "__main__":
    main()
