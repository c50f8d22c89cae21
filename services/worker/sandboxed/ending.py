"""How the zygote reports a child's end."""

from __future__ import annotations

import struct

#: The number that `os.waitpid` gave.
STATUS = struct.Struct("!i")
