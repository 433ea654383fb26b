"""Import PyFilesystem2 once, without the deprecations it is made of; ours are errors still."""

import warnings

with warnings.catch_warnings():
    # fs calls pkg_resources, which warns of itself and of the namespace packages that fs declares.
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", DeprecationWarning)
    warnings.filterwarnings(
        "ignore", "Deprecated call to `pkg_resources.declare_namespace", DeprecationWarning
    )
    import fs  # noqa: F401 - for its warnings only
