"""Several clients at the same file at the same moment."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.support.server import Mount

ROUNDS = 20


def race(contestants):
    """Call all of them at one moment, each in a thread; those that came through without an ``OSError``."""
    barrier = threading.Barrier(len(contestants))

    def run(contestant):
        barrier.wait(60)
        try:
            contestant()
        except OSError as refusal:
            return refusal
        return None

    with ThreadPoolExecutor(len(contestants)) as threads:
        return list(threads.map(run, contestants))


def test_one_of_five_clients_submits_a_file(shop, mount, base, kit):
    """A file that two clients rename at once would be sent twice."""
    with contextlib.ExitStack() as stack:
        second = stack.enter_context(Mount(shop.installation, base / "second", shop.name))
        folders = [mount.mountpoint, second.mountpoint]
        sessions = [stack.enter_context(shop.session()) for _ in range(3)]
        for number in range(ROUNDS):
            name = f"race {number:02}.csv"
            with sessions[0].open(name, "w") as file:
                file.write(kit.csv_of(name))
            contestants = [
                *(lambda f=folder, n=name: (f / n).rename(f / f"{n}.ready") for folder in folders),
                lambda n=name: sessions[0].rename(n, f"{n}.ready"),
                lambda n=name: sessions[1].posix_rename(n, f"{n}.ready"),
                lambda n=name: sessions[2].rename(n, f"{n}.ready"),
            ]
            refusals = race(contestants)
            assert refusals.count(None) == 1, refusals
            shop.wait_for_state(sessions[0], name, "success")
        shop.wait_for_sent("race ", 3 * ROUNDS)
        assert len([name for name in sessions[0].listdir() if name.startswith("race ")]) == ROUNDS


def test_a_submission_and_a_removal_exclude_each_other(shop, mount, kit):
    """A client would be told that a file is gone though it is sent, or that it is sent though it is gone."""
    with shop.session() as one, shop.session() as other:
        sent = []
        for number in range(ROUNDS):
            name = f"removed {number:02}.csv"
            with one.open(name, "w") as file:
                file.write(kit.csv_of(name))
            results = race(
                [
                    lambda n=name: one.rename(n, f"{n}.ready"),
                    lambda n=name: other.remove(n),
                    lambda n=name: (mount.mountpoint / n).rename(mount.mountpoint / f"moved {n}"),
                ]
            )
            assert results.count(None) == 1, results
            sent += [name] * (results[0] is None)
        for name in sent:
            shop.wait_for_state(one, name, "success")
        shop.wait_for_sent("removed ", 3 * len(sent))


def test_two_files_of_one_name_in_one_second_are_both_sent(shop, kit):
    """The second file of that name would replace the first, or wait for a second."""
    with shop.session() as one, shop.session() as other:
        for sftp, drafts in ((one, "twin 1"), (other, "twin 2")):
            with sftp.open(drafts, "w") as file:
                file.write(kit.csv_of(drafts))
        results = race(
            [
                lambda: one.rename("twin 1", "twin.ready"),
                lambda: other.rename("twin 2", "twin.ready"),
            ]
        )
        assert results == [None, None]
        messages = shop.wait_for_sent("twin.", 6)
    assert sorted(message["userref"] for message in messages) == [
        *kit.references("twin 1"),
        *kit.references("twin 2"),
    ]
