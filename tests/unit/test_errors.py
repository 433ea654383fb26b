import errno

import pytest

from smsfs import errors
from smsfs.errors import Cause, Refusal, Unreadable

CODES = {
    "NotAllowed": errno.EACCES,
    "NotPermitted": errno.EPERM,
    "Missing": errno.ENOENT,
    "Exists": errno.EEXIST,
    "IsFolder": errno.EISDIR,
    "NotFolder": errno.ENOTDIR,
    "StillOpen": errno.EBUSY,
    "BadRequest": errno.EINVAL,
    "NameTooLong": errno.ENAMETOOLONG,
    "OtherAccount": errno.EXDEV,
    "FileTooBig": errno.EFBIG,
    "QuotaFull": errno.EDQUOT,
    "DiskFull": errno.ENOSPC,
    "ReadOnly": errno.EROFS,
    "TooManyOpen": errno.EMFILE,
    "BadHandle": errno.EBADF,
    "StoreUnavailable": errno.EAGAIN,
    "StoreDamaged": errno.EIO,
    "StoreConflict": errno.EAGAIN,
    "StoreFull": errno.ENOSPC,
}
KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and Refusal in kind.__mro__[1:]
}


def test_every_refusal_is_listed():
    """A new refusal could reach clients with a code that nobody chose."""
    assert set(KINDS) == set(CODES)


@pytest.mark.parametrize("name", CODES)
def test_refusal_has_its_errno_and_sentence(name):
    """A frontend would answer with the wrong status, or without saying what to do."""
    refusal = KINDS[name]("Say what to do.")
    assert isinstance(refusal, OSError)
    assert (refusal.errno, refusal.sentence, str(refusal)) == (
        CODES[name],
        "Say what to do.",
        "Say what to do.",
    )


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("Missing", FileNotFoundError),
        ("Exists", FileExistsError),
        ("NotAllowed", PermissionError),
        ("NotPermitted", PermissionError),
        ("IsFolder", IsADirectoryError),
        ("NotFolder", NotADirectoryError),
    ],
)
def test_refusal_is_the_builtin_of_its_errno(name, builtin):
    """Code that catches FileNotFoundError would let ours pass."""
    with pytest.raises(builtin):
        raise KINDS[name]("No.")


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (Cause("it is empty"), "it is empty"),
        (Cause("it is empty", 3), "line 3: it is empty"),
        (Cause("it is empty", 3, "message"), "line 3, column message: it is empty"),
        (Cause("it is there twice", column="message"), "column message: it is there twice"),
        (Cause("it is empty", index=3), "contact 3: it is empty"),
        (
            Cause("it is empty", index=3, msisdn="45", document="a.json"),
            "a.json, contact 3 (45): it is empty",
        ),
        (Cause("it ends", 2, "14", document="a.zip/b.json"), "a.zip/b.json, line 2, column 14: it ends"),
    ],
)
def test_cause_says_where(cause, text):
    """A customer would have to search a large file for the bad row."""
    assert str(cause) == text
    assert str(Unreadable(cause)) == text
    assert Unreadable(cause).cause is cause
