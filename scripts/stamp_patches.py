"""Write into every shipped patch the hash of the model it names, as it is under models/. Run after retraining one."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Restamps in place; prints what changed."""
    for path in sorted((ROOT / "patches").glob("*.toml")):
        text = path.read_text(encoding="utf-8")
        named = re.search(r'^\[model\]\nname = "([^"]+)"', text, re.MULTILINE)
        card = ROOT / "models" / (named[1] if named else "") / "card.toml"
        if not named or not card.is_file():
            continue
        digest = hashlib.sha256(card.read_bytes()).hexdigest()
        stamped = re.sub(r'^sha256 = "[0-9a-f]*"', f'sha256 = "{digest}"', text, flags=re.MULTILINE)
        if stamped != text:
            path.write_text(stamped, encoding="utf-8")
            print(f"{path.name}: {named[1]} {digest[:12]}")


if __name__ == "__main__":
    main()
