"""What the tests play must not wear, keep or load anything of the person who runs them."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

_HOME = tempfile.mkdtemp(prefix="rosin-tests-")
os.environ["XDG_DATA_HOME"] = _HOME
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
