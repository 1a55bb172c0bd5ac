"""Mutations: a file as a bad disk, a broken download or a stranger would leave it. For the fuzz of every reader."""

from __future__ import annotations

import random
from collections.abc import Iterator

EDGES = (0, 1, 0x7F, 0x80, 0xFF)


def mutated(good: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
    """``count`` variants of a file: bytes flipped, set, taken away and put in, cut off, doubled, swapped; the same for
    the same seed."""
    chance = random.Random(seed)
    for _ in range(count):
        data = bytearray(good)
        for _ in range(chance.choice((1, 1, 1, 2, 5))):
            at = chance.randrange(max(1, len(data)))
            size = min(len(data) - at, chance.choice((1, 1, 2, 4, 8, 40)))
            kind = chance.randrange(8)
            if kind == 0 and data:
                data[at] ^= 1 << chance.randrange(8)
            elif kind == 1 and data:
                data[at] = chance.choice(EDGES)
            elif kind == 2:
                data[at : at + size] = chance.randbytes(size)
            elif kind == 3:
                del data[at : at + size]
            elif kind == 4:
                data[at:at] = chance.randbytes(size)
            elif kind == 5:
                data[at:at] = data[at : at + 200]
            elif kind == 6:
                del data[at:]
            else:
                other = chance.randrange(max(1, len(data)))
                data[at : at + size], data[other : other + size] = data[other : other + size], data[at : at + size]
        yield bytes(data)
