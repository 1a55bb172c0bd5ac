"""Make docs/img/house.svg: the chain from hand to sound, and the processes it runs in. Standard library alone.

    python scripts/draw_house.py

A test holds that the committed picture is what this script draws.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

OUT = Path(__file__).resolve().parent.parent / "docs" / "img" / "house.svg"
GROUND, IVORY, HAND, STRAIN, TEXT, WALL = "#070709", "#FFEED6", "#56B4E9", "#FA8F0D", "#969EB0", "#4A4F5C"
WIDTH, HEIGHT = 1120, 640


def text(x: float, y: float, said: str, colour: str = TEXT, size: int = 13, anchor: str = "start") -> str:
    """One line; (x, y) is its baseline. From 17 on it is a heading."""
    weight = ' font-weight="600"' if size >= 17 else ""
    where = f'x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}"{weight}'
    return f'<text {where} fill="{colour}">{escape(said)}</text>'


def room(
    x: float,
    y: float,
    wide: float,
    high: float,
    name: str,
    lines: tuple[str, ...],
    colour: str,
    edge: str,
    dash: str = "",
) -> list[str]:
    """A box with a name and a few lines."""
    line = f' stroke-dasharray="{dash}"' if dash else ""
    size = f'x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}"'
    parts = [f'<rect {size} rx="7" fill="#0E0F14" stroke="{edge}" stroke-width="1.5"{line}/>']
    parts.append(text(x + 14, y + 28, name, colour, 17))
    return parts + [text(x + 14, y + 52 + 20 * i, said) for i, said in enumerate(lines)]


def arrow(points: list[tuple[float, float]], colour: str, dash: str = "") -> str:
    """A way, with a head at its last point."""
    line = f' stroke-dasharray="{dash}"' if dash else ""
    path = " L ".join(f"{x:g} {y:g}" for x, y in points)
    head = f'marker-end="url(#{colour[1:]})"'
    return f'<path d="M {path}" fill="none" stroke="{colour}" stroke-width="2"{line} {head}/>'


def chain() -> list[str]:
    """The upper half: what happens to one movement."""
    stations = (
        ("hands", ("MIDI, OSC, keys", "gestures with a time"), HAND),
        ("friction", ("sticks, slides, lags", "where the knob goes"), STRAIN),
        ("chance", ("seeded by tick", "what happens to it"), STRAIN),
        ("model", ("ONNX, its state outside", "latents to audio"), IVORY),
        ("sound", ("guard, device, recorder", "128 samples a block"), IVORY),
    )
    parts = [text(30, 44, "one movement", IVORY, 17)]
    wide, gap, top = 180, 40, 66
    for i, (name, lines, colour) in enumerate(stations):
        x = 30 + i * (wide + gap)
        parts += room(x, top, wide, 92, name, lines, colour, colour)
        if i:
            parts.append(arrow([(x - gap + 3, top + 46), (x - 5, top + 46)], IVORY))
    chance = 30 + 2 * (wide + gap)  # it may enter before friction, inside it as a force, or after it
    parts += [
        arrow([(chance + 90, 158), (chance + 90, 186), (230, 186), (230, 120)], STRAIN, "2 4"),
        arrow([(chance + 60, 158), (chance + 60, 176), (340, 176), (340, 163)], STRAIN, "2 4"),
        text(250, 208, "chance enters at the hand, in the bearing (a force), or at the sound"),
    ]
    return parts


def house() -> list[str]:
    """The lower half: the processes and what they share."""
    left, middle, right, wide = 30, 440, 850, 240
    top, below = 286, 476
    hands = ("MIDI ports, polled", "OSC, one socket", "bindings, learn, takeover", "echo to clients")
    link = ("shared memory", "gesture rings, 40 bytes each", "frame ring, 94 a second", "health and notices")
    sound = (
        "engine: friction, chance, model",
        "guard, device or null device",
        "recorder",
        "real-time priority where allowed",
    )
    stage = ("the window: reads frames, draws", "keys and mouse: gestures", "may close or die: sound goes on")
    show = ("starts, watches, restarts", "holds nothing musical", "terminal: keys, status, takes")
    standbys = ("of sound, hands and stage:", "loaded and waiting, in place", "when the first one dies")
    parts = [text(left, 262, "the processes, and the link they share", IVORY, 17)]
    parts += room(left, top, wide, 132, "hands", hands, HAND, HAND)
    parts += room(middle, top, wide, 132, "link", link, IVORY, WALL, "5 5")
    parts += room(right, top, wide, 132, "sound", sound, IVORY, IVORY)
    parts += room(left, below, wide, 118, "stage", stage, HAND, WALL)
    parts += room(middle, below, wide, 118, "show", show, IVORY, WALL)
    parts += room(right, below, wide, 118, "standbys", standbys, TEXT, WALL, "5 5")
    for x in (left + wide, middle + wide):
        parts += [
            arrow([(x, top + 42), (x + 164, top + 42)], HAND),
            text(x + 82, top + 34, "gestures", HAND, anchor="middle"),
            arrow([(x + 170, top + 96), (x + 6, top + 96)], IVORY),
            text(x + 88, top + 117, "frames", IVORY, anchor="middle"),
        ]
    parts += [
        arrow([(middle + 120, below), (middle + 120, top + 138)], HAND),
        text(middle + 132, top + 166, "gestures of keys and takes", HAND),
        arrow([(right + 120, below), (right + 120, top + 138)], TEXT, "2 4"),
    ]
    return parts


def drawing() -> str:
    """The whole picture."""
    heads = "".join(
        f'<marker id="{c[1:]}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M 0 0 L 8 4 L 0 8 z" fill="{c}"/></marker>'
        for c in (IVORY, HAND, STRAIN, TEXT)
    )
    title = "The chain hands, friction, chance, model, sound; the processes hands, sound, stage, show and their link"
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    fonts = 'font-family="DejaVu Sans, Verdana, sans-serif"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" {fonts}>',
            f"<title>{title}</title>",
            f"<defs>{heads}</defs>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{GROUND}"/>',
            *chain(),
            *house(),
            "</svg>",
            "",
        ]
    )


if __name__ == "__main__":
    OUT.write_text(drawing(), encoding="utf-8")
    print(OUT)
