"""The plugin for PyFilesystem2: ``fs.open_fs("smsfs://ACCOUNT")``.

URLs are ``smsfs://ACCOUNT``, ``smsfs://ACCOUNT/FOLDER``, and ``smsfs://`` for every account's files, each
with ``?config=/etc/smsfs/smsfs.toml`` unless the configuration is where smsfs looks by itself. ``move`` to
a name ending in ``.ready`` submits, as a rename does everywhere; ``getinfo`` of that name has the new one.

A file that its writer does not close (the block was left by an exception, the object was forgotten,
the filesystem was closed first) is an upload cut off: it stays a draft, and cannot be submitted.

Nothing else of smsfs imports this package, nor PyFilesystem2.
"""

try:
    from smsfs.frontends.pyfilesystem.files import SmsfsFile
    from smsfs.frontends.pyfilesystem.filesystem import SmsfsFS
    from smsfs.frontends.pyfilesystem.opener import SmsfsOpener
except ModuleNotFoundError as exc:
    if exc.name not in {"fs", "pkg_resources"}:  # the second is gone from setuptools since version 82
        raise
    sentence = f"PyFilesystem2 does not work here ({exc}): pip install 'smsfs[pyfilesystem]' mends it."
    raise ModuleNotFoundError(sentence, name=exc.name) from exc

__all__ = ["SmsfsFS", "SmsfsFile", "SmsfsOpener"]
