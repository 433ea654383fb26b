"""Replies whose parts are in UTF-16 of another order than ours."""

import pytest

from smsfs.store import Store
from tests.support.store_suite.base import StoreFixtures
from tests.support.store_suite.inbound import never, part


class MarkSuite(StoreFixtures):
    """What a store promises about byte order marks in replies."""

    @pytest.mark.parametrize(
        ("codec", "marked"), [("utf-16-be", 1), ("utf-16-le", 1), ("utf-16-le", 3), ("utf-16-be", 3)]
    )
    def test_the_mark_of_a_part_counts_for_those_behind_it(
        self, store: Store, codec: str, marked: int
    ) -> None:
        """A long answer would be Chinese from its second part on: the first alone says how to read it."""
        texts = ["Ja, ", "vi ses \U0001f600", " snart"]
        parts = []
        for number, text in enumerate(texts, 1):
            data = ("\ufeff" + text if number <= marked else text).encode(codec)
            parts.append(part(data.decode("utf-16-be", "surrogatepass"), number, 3))
        (reply,) = store.inbound.receive([], list(reversed(parts)), never).replies
        assert reply.text == "".join(texts)
