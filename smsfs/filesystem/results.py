"""What clients may do with result files, which are the server's."""

from smsfs.dialects.settings import RESULTS_FOLDER
from smsfs.states import FileState

REFUSALS = {
    FileState.PROCESSING: "{name} is not final yet; it can be read now, and deleted when it is.",
    FileState.SUCCESS: "{name} is the server's; it can be read or deleted.",
}
NO_UPLOAD = "Result files are written by the server; upload into another folder."
NO_RENAME = "Result files are the server's; no file can be renamed into their folder, out of it or in it."


def in_results(where: str) -> bool:
    """Whether a path, relative to the account, is in the folder of result files."""
    return where.startswith(f"{RESULTS_FOLDER}/")
