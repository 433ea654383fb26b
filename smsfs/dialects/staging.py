"""Names of what is no file of the user's, or not yet."""

import re

#: Names that clients and desktops give to what is no file of the user's, or not yet.
is_staging = re.compile(
    r"\..*|~\$.*|tmp\..*|.*~|4913|#.*#|thumbs\.db|desktop\.ini|"
    r".*\.(filepart|part|partial|tmp|temp|writing|uploading|upload|crdownload|swp|swx|bak|lock)",
    re.IGNORECASE | re.DOTALL,
).fullmatch
