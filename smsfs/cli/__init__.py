"""The commands."""

import sys
from collections.abc import Sequence

import click

from smsfs import __version__
from smsfs.cli.account import account
from smsfs.cli.check import check
from smsfs.cli.common import err
from smsfs.cli.demo import demo
from smsfs.cli.fsck import fsck
from smsfs.cli.lists import files, messages
from smsfs.cli.mount import mount
from smsfs.cli.serve import serve
from smsfs.cli.worker import worker
from smsfs.errors import ConfigurationError, Refusal


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="smsfs")
def cli() -> None:
    """A filesystem that sends text messages.

    Upload a CSV file over SFTP or into a mounted folder and rename it to end in .ready: each row leaves as an
    SMS, and the file's name tells how it went. Start with: smsfs demo
    """


for command in (demo, serve, mount, account, check, files, messages, fsck, worker):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; what goes wrong is one sentence on standard error and exit status 1."""
    try:
        cli.main(arguments, prog_name="smsfs", standalone_mode=False)
    except click.exceptions.Abort:
        err.print("Aborted.")
        sys.exit(1)
    except click.ClickException as exc:
        exc.show()
        sys.exit(exc.exit_code)
    except (ConfigurationError, Refusal) as exc:
        err.print(f"smsfs: {exc}", markup=False, soft_wrap=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
