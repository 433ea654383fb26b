"""The commands."""

import io
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from types import TracebackType
from typing import cast

import click

from smsfs import __version__
from smsfs.cli.terminal import err, exit_status
from smsfs.errors import ConfigurationError, Refusal
from smsfs.sms.quoting import escaped_lines

#: Command -> the module that has it.
COMMANDS = {
    "demo": "demo",
    "serve": "serve",
    "mount": "mount",
    "account": "account",
    "connector": "connector",
    "check": "check",
    "files": "lists",
    "messages": "messages",
    "message": "message",
    "file": "file",
    "log": "log",
    "replies": "replies",
    "optout": "optout",
    "operator": "operator",
    "report": "report",
    "bans": "bans",
    "status": "status",
    "hosts": "hosts",
    "backends": "backends",
    "backend": "backend",
    "simulator": "simulator",
    "fsck": "fsck",
    "store": "store",
    "worker": "worker",
}
#: Those that log. The others start without structlog, which takes a third of the time of a start.
LOGGING = {"account", "connector", "demo", "mount", "operator", "report", "serve", "simulator", "worker"}


class Commands(click.Group):
    """Commands that are imported when they are used: the workers start without SSH, in half the time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in the order of the help."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        if cmd_name in LOGGING:
            import_module("smsfs.cli.light")  # before anything that imports structlog
        module = import_module(f"smsfs.cli.{COMMANDS[cmd_name]}")
        return cast("click.Command", getattr(module, cmd_name))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="smsfs")
def cli() -> None:
    """A filesystem that sends text messages.

    Upload a CSV file over SFTP, over FTP or into a mounted folder, and rename it to end in .ready: each row
    leaves as an SMS, and the file's name says how it went. The other dialects have rules of their own.
    Start with: smsfs demo
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; what goes wrong is one sentence on standard error and exit status 1."""
    sys.excepthook = _show_crash
    try:
        cli.main(arguments, prog_name="smsfs", standalone_mode=False)
    except click.exceptions.Abort:
        err.print("Aborted.")
        sys.exit(1)
    except click.ClickException as exc:
        shown = io.StringIO()
        exc.show(shown)
        sys.stderr.write(escaped_lines(shown.getvalue()))
        sys.exit(exc.exit_code)
    except (ConfigurationError, Refusal) as exc:
        err.print(f"smsfs: {exc}", markup=False)
        sys.exit(exit_status(exc))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


def _show_crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """As Python shows an uncaught exception, without what would steer the terminal."""
    sys.stderr.write(escaped_lines("".join(traceback.format_exception(kind, error, trace))))
