"""The FUSE frontend: an account, or all of them, as a folder of this host.

Runs on mfusepy (libfuse 3, the default) and on fusepy (libfuse 2). Callbacks come one at a time, in the order
in which the kernel queued them; so ``cp a.csv M/ && mv M/a.csv M/a.csv.ready`` always finds the upload
complete, though the kernel reports the last close of a file (``release``) without waiting for an answer.

FUSE shows a person the text of an errno and nothing else; the sentence of a refusal goes to the log, which a
mount in the foreground writes to its terminal.

The kernel closes the files of a program that was killed, by Ctrl-C too, as if it had closed them itself. At
``flush`` the mount looks how its caller is ending: what a killed one had open for writing is a cut upload,
also if a shell or another program that shared its descriptor goes on.
"""

from smsfs.frontends.fuse.mounting import mount

__all__ = ["mount"]
