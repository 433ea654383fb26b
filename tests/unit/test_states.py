import ast
import re
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import smsfs
from smsfs.states import (
    BATCH_TRANSITIONS,
    CLIENT_RIGHTS,
    ENDED_STATES,
    FILE_TRANSITIONS,
    LEAVING_STATES,
    LIVES,
    MESSAGE_TRANSITIONS,
    SENT_STATES,
    SLICE_TRANSITIONS,
    BatchState,
    FileState,
    IllegalTransitionError,
    MessageState,
    SliceState,
    check_outcome,
    diagram,
    fold,
    move,
    next_batch_state,
    next_file_state,
    next_message_state,
    rare_ways_to,
)
from smsfs.store.sqlite import SqliteStore

M = MessageState
TABLES = [
    (FILE_TRANSITIONS, FileState, FileState.DRAFT),
    (BATCH_TRANSITIONS, BatchState, BatchState.PENDING),
    (SLICE_TRANSITIONS, SliceState, SliceState.STAGED),
    (MESSAGE_TRANSITIONS, MessageState, M.QUEUED),
]
KINDS = ["file", "batch", "slice", "message"]
DEAD_ENDS = {M.DELIVERED, M.UNDELIVERED, M.REJECTED, M.EXPIRED, M.CANCELLED}
WITH_THE_CARRIER = {M.SUBMITTED, M.DELIVERED, M.UNDELIVERED, M.EXPIRED}
EVENTS = sorted(MESSAGE_TRANSITIONS)


def _moves(table):
    return [(source, target) for moves in table.values() for source, target in moves.items()]


@pytest.mark.parametrize(("table", "states", "start"), TABLES, ids=KINDS)
def test_every_state_can_be_reached(table, states, start):
    """A file or message could never get into a state that documents and commands speak of."""
    reached = {start}
    while more := {target for source, target in _moves(table) if source in reached} - reached:
        reached |= more
    assert reached == set(states)


@pytest.mark.parametrize(("table", "states", "start"), TABLES, ids=KINDS)
def test_tables_hold_states_only(table, states, start):
    """A change of state would lead to a state that nothing else knows."""
    del start
    assert all(isinstance(state, states) for move in _moves(table) for state in move)


def test_finished_files_stay_finished():
    """A file whose messages were sent could be sent again."""
    left = {source for source, _ in _moves(FILE_TRANSITIONS)}
    assert left == {FileState.DRAFT, FileState.PROCESSING, FileState.REJECTED}


def test_dead_ends_have_no_way_out_but_to_delivered():
    """A delivered or refused message would be sent again, or one that arrived after all count as lost."""
    left = {source for source, target in _moves(MESSAGE_TRANSITIONS) if target is not M.DELIVERED}
    assert left - LEAVING_STATES == {M.SUBMITTED, M.UNKNOWN}
    assert set(MessageState) - left == DEAD_ENDS
    assert {source for source, target in _moves(MESSAGE_TRANSITIONS) if target is M.DELIVERED} == {
        *MessageState
    } - {M.DELIVERED}


def test_only_states_on_the_way_are_not_final():
    """A list of unfinished messages would miss some, or show finished ones."""
    assert {M.QUEUED, M.HELD, M.SUBMITTING} == LEAVING_STATES
    assert LEAVING_STATES.isdisjoint(SENT_STATES)
    assert set(MessageState) - LEAVING_STATES - SENT_STATES == ENDED_STATES == DEAD_ENDS


def test_only_an_unknown_fate_is_sent_again():
    """A message could go out twice without a record that its fate was unknown."""
    assert {source for source, target in _moves(MESSAGE_TRANSITIONS) if target is M.QUEUED} == {
        M.SUBMITTING,
        M.UNKNOWN,
        M.HELD,
    }
    assert MESSAGE_TRANSITIONS["release"] == {M.HELD: M.QUEUED}
    assert {source for source, target in _moves(MESSAGE_TRANSITIONS) if target is M.HELD} == {M.QUEUED}
    assert MESSAGE_TRANSITIONS["not_now"] == {M.SUBMITTING: M.QUEUED}


def test_client_rights_cover_every_state():
    """A client's request on a file in a forgotten state would end in an internal error."""
    assert set(CLIENT_RIGHTS) == set(FileState)
    assert CLIENT_RIGHTS[FileState.PROCESSING] == {"read"}
    assert "write" not in CLIENT_RIGHTS[FileState.SUCCESS] | CLIENT_RIGHTS[FileState.REJECTED]
    assert CLIENT_RIGHTS[FileState.CONSUMED] == set()


@given(st.sampled_from(FileState), st.sampled_from(sorted(FILE_TRANSITIONS)))
def test_file_changes_are_those_of_the_table(state, event):
    """A file could be submitted twice, or rejected after its messages left."""
    if state in FILE_TRANSITIONS[event]:
        assert next_file_state(state, event) is FILE_TRANSITIONS[event][state]
    else:
        with pytest.raises(IllegalTransitionError, match=event):
            next_file_state(state, event)


@given(st.sampled_from(MessageState), st.sampled_from(EVENTS))
def test_message_changes_are_those_of_the_table(state, event):
    """A message could get a state that its history does not allow."""
    if state in MESSAGE_TRANSITIONS[event]:
        assert next_message_state(state, event) is MESSAGE_TRANSITIONS[event][state]
    else:
        with pytest.raises(IllegalTransitionError, match=event):
            next_message_state(state, event)


@given(st.sampled_from(BatchState), st.sampled_from(sorted(BATCH_TRANSITIONS)))
def test_batch_changes_are_those_of_the_table(state, event):
    """A file could be accepted that nobody is reading, or rejected after its messages were queued."""
    if state in BATCH_TRANSITIONS[event]:
        assert next_batch_state(state, event) is BATCH_TRANSITIONS[event][state]
    else:
        with pytest.raises(IllegalTransitionError, match=event):
            next_batch_state(state, event)


@pytest.mark.parametrize("kind", KINDS)
def test_statements_get_every_state_of_an_event(kind):
    """A statement would refuse a change of state that is legal, or make one that is not."""
    _, table = LIVES[kind]
    for event, moves in table.items():
        if moves:
            assert move(kind, event) == ([*moves], *{*moves.values()})
        else:
            with pytest.raises(IllegalTransitionError, match=event):
                move(kind, event)


def test_history_takes_known_events_only():
    """An outcome with a misspelt event would be stored and count for nothing."""
    check_outcome("part")
    with pytest.raises(IllegalTransitionError, match="sumbitted"):
        check_outcome("sumbitted")


def test_unknown_event_is_no_change():
    """A misspelt event in the code would pass for a change of state."""
    with pytest.raises(IllegalTransitionError, match="no_such_event"):
        next_message_state(M.QUEUED, "no_such_event")


@given(st.lists(st.sampled_from([*EVENTS, "no_such_event"]), max_size=30))
def test_fold_never_goes_backward(events):
    """A late or stale answer would put a message that the carrier has back on the way."""
    state = M.QUEUED
    for step in range(len(events)):
        after = fold(M.QUEUED, events[: step + 1])
        assert after is fold(state, events[step : step + 1])
        if state in DEAD_ENDS:
            assert after in {state, M.DELIVERED}
        if state in WITH_THE_CARRIER:
            assert after in WITH_THE_CARRIER
        if after is not state:
            assert (state, after) in _moves({events[step]: MESSAGE_TRANSITIONS[events[step]]})
        state = after


def test_fold_tells_common_histories():
    """The list of messages would tell customers something else than what happened."""
    assert fold(M.QUEUED, []) is M.QUEUED
    assert fold(M.QUEUED, ["claim"]) is M.SUBMITTING
    assert fold(M.QUEUED, ["claim", "not_now", "claim", "accepted"]) is M.SUBMITTED
    assert fold(M.QUEUED, ["claim", "no_answer", "resend", "claim", "accepted", "delivered"]) is M.DELIVERED
    assert fold(M.QUEUED, ["claim", "no_answer", "delivered"]) is M.DELIVERED
    assert fold(M.QUEUED, ["claim", "accepted", "no_answer", "resend"]) is M.SUBMITTED
    assert fold(M.QUEUED, ["claim", "too_late", "claim", "accepted"]) is M.EXPIRED


@pytest.mark.parametrize("kind", KINDS)
def test_diagram_shows_every_change(kind):
    """The documentation's diagram would leave out how a file or message gets somewhere."""
    births, table = LIVES[kind]
    arrows = set(re.findall(r"^    (\w+) --> (\w+): (\w+)$", diagram(kind), re.MULTILINE))
    assert arrows == {
        (source, target, event) for event, moves in table.items() for source, target in moves.items()
    }
    starts = set(re.findall(r"^    \[\*\] --> (\w+): (\w+)$", diagram(kind), re.MULTILINE))
    assert starts == {(state, event) for event, state in births.items()}


def test_database_knows_the_same_file_states(tmp_path):
    """A change of state would be refused by the database, in front of the client."""
    SqliteStore(tmp_path / "smsfs.db").close()
    connection = sqlite3.connect(tmp_path / "smsfs.db")
    (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'file'").fetchone()
    connection.close()
    check = re.search(r"CHECK \(state IN \(([^)]*)\)\)", sql)
    assert set(re.findall(r"'(\w+)'", check[1])) == set(FileState)


def _calls(name):
    """Every call of a function of this name in smsfs."""
    for path in Path(smsfs.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name and len(node.args) > 1:
                yield path.name, node.args[1]


@pytest.mark.parametrize(
    ("function", "table"),
    [("Outcome", MESSAGE_TRANSITIONS), ("next_file_state", FILE_TRANSITIONS)],
)
def test_events_in_the_code_are_in_the_tables(function, table):
    """An outcome with a misspelt event would be stored and count for nothing."""
    used = {
        (where, argument.value)
        for where, argument in _calls(function)
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }
    assert used
    assert {event for _, event in used} <= set(table)


def test_rare_states_are_reached_by_rare_events_only():
    """A list of messages in one state would leave out those that came there in another way."""
    rare = {"undelivered", "rejected", "expired", "unknown", "cancelled"}
    assert {state.value for state in MessageState if rare_ways_to(state) is not None} == rare
    assert rare_ways_to(MessageState.EXPIRED) == {"too_late", "receipt_expired"}
