"""What lies over the picture: keys, credits, learning, where controllers are. Every word has room, at every size."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from stage_frames import make

from instrument.base.text import say
from instrument.ipc import Link
from instrument.ipc.learn_protocol import ANSWER, ASK, BOUND, REACH, Answer, Ask, bound_text, reach_text
from instrument.model.library.credits import Credits, Made, Sound
from instrument.stage.data.credit_scroll import Near, roll_lines
from instrument.stage.data.model_info import ModelInfo
from instrument.stage.data.patch_labels import PatchLabels
from instrument.stage.input.learn_client import LearnClient
from instrument.stage.input.view_requests import ViewRequests
from instrument.stage.views.layout import Box, Layout
from instrument.stage.views.marks import Rows

SIZES, SCALES = [(1280, 720), (1920, 1080)], (1.0, 1.6)
NAMES = ("pitch", "thickness of the known", "z2", "brightness", "a hollow breath", "z5", "z6", "warmth")
CASES = list(itertools.product(SIZES, ("en", "fr"), SCALES))


def sound(title: str, author: str, licence: str = "CC0-1.0", seconds: float = 10.0) -> Sound:
    return Sound(title, author, "https://example.org", licence, "asked", seconds, "0" * 64)


SOUNDS = (
    *(sound(f"bell {i}", "Ada Example") for i in range(60)),
    *(sound(f"breath {i}", "Example Choir", "CC-BY-4.0", 2.0) for i in range(8)),
    sound("breath at night", "Example Choir", "CC-BY-SA-4.0", 2.0),
)
CREDITS = Credits("tidal", Made("Ada Example", "2026-11-22", 2.0, "one machine", 50.0), SOUNDS)
SHEET = ModelInfo(
    "Tidal bells", "Ada Example", "learned from 69 recordings", licence="CC-BY-NC-4.0", sha256="ab", credits=CREDITS
)
PROGRAMME = PatchLabels("slow glass", NAMES, (0.5,) * 8, "model", "credits", model_info=SHEET)


def frames(seconds: float = 2.0, share: tuple[float, ...] = (0.75, 0.25)):
    found = make("hard", seconds)
    for frame in found:
        frame.known = 0.5
        frame.share[: len(share)] = share
    return found


# --- credits


def test_the_roll_names_every_sound_with_its_author_and_licence_and_how_near_it_was():
    near = Near()
    for frame in frames():
        near.see(frame, PROGRAMME)
    lines = roll_lines(near, "en")
    texts = [line.text for line in lines]
    assert texts[:3] == ["Tidal bells", "Ada Example · CC-BY-NC-4.0", "learned from 69 recordings"]
    assert "Ada Example · CC0-1.0  75 %" in texts
    assert "Example Choir · CC-BY-4.0, CC-BY-SA-4.0  25 %" in texts
    parts = [part for line in lines for part in line.parts]
    assert len(parts) == len(SOUNDS)
    assert "bell 0" in parts, "one licence is said once"
    assert "breath at night (CC-BY-SA-4.0)" in parts
    assert "one machine" in texts[-1]
    assert any("near, not cause" in text for text in texts)


def test_before_anything_sounded_no_share_is_claimed_and_silence_is_nobodys():
    near = Near()
    for frame in frames():
        frame.rms = 0.0
        near.see(frame, PROGRAMME)
    assert not any("%" in line.text for line in roll_lines(near, "en"))


def test_every_model_that_was_played_is_in_the_roll_once():
    other = PatchLabels("other", model_info=ModelInfo("Second", "Bo", sha256="cd"))
    near = Near()
    for frame in frames(0.5):
        for labels in (PROGRAMME, other, PROGRAMME, PatchLabels("without a model")):
            near.see(frame, labels)
    titles = [line.text for line in roll_lines(near, "en") if line.look == "title"]
    assert titles == ["Tidal bells", "Second"]


def test_an_author_among_the_rest_has_no_share_of_its_own():
    sounds = tuple(sound(f"s{i}", f"author {i:02d}", seconds=100.0 - i) for i in range(20))
    many = PatchLabels(
        "many", model_info=ModelInfo("Many", "Bo", sha256="ef", credits=Credits("many", CREDITS.made, sounds))
    )
    near = Near()
    for frame in frames(share=(1 / 16,) * 16):
        near.see(frame, many)
    with_share = [line.text for line in roll_lines(near, "en") if line.look == "author" and "%" in line.text]
    assert len(with_share) == 15


# --- learning: the window's side


class Hands:
    """The hands' side of the health rows, played by the test."""

    def __init__(self) -> None:
        self.link, self.now = Link.create(), 100.0
        self.requests, self.learn_client = ViewRequests(clock=lambda: self.now), LearnClient(lambda: self.now)

    def look(self) -> Ask | None:
        self.now += 0.1
        self.learn_client.look(self.requests, 0, 8, self.link.health)
        return Ask.of(self.link.health.text("stage", ASK))

    def answer(self, state: str, knob: int, control: str = "") -> None:
        number = Ask.of(self.link.health.text("stage", ASK)).number
        self.link.health.set_text("hands", ANSWER, Answer(number, state, knob, control).text())


@pytest.fixture
def hands():
    found = Hands()
    yield found
    found.link.close()


def test_the_window_asks_for_the_chosen_knob_and_goes_on_to_the_next_when_it_has_learned(hands):
    assert hands.look()[1:] == ("off", 0, 0), "whoever was here before, nothing waits now"
    hands.requests.learn, hands.requests.focus = True, 7
    assert hands.look()[1:] == ("learn", 0, 7)
    hands.answer("armed", 7)
    hands.look()
    assert hands.learn_client.armed
    hands.answer("learned", 7, "cc 24 ch 1")
    first = hands.look()
    assert hands.requests.focus == 0
    assert hands.learn_client.done[1:] == ("learned", 7, "cc 24 ch 1")
    assert first[1:] == ("learn", 0, 0)
    hands.requests.freed.append(0)
    assert hands.look()[1:] == ("free", 0, 0)
    assert hands.look()[1:] == ("free", 0, 0), "not before they have heard it: they may look less often"
    hands.answer("freed", 0)
    assert hands.look()[1:] == ("learn", 0, 0)
    assert hands.learn_client.done[1:] == ("freed", 0, "")
    assert hands.requests.freed == []
    hands.requests.learn = False
    assert hands.look()[1:] == ("off", 0, 0)


def test_hands_that_do_not_answer_are_asked_again_with_another_number(hands):
    hands.requests.learn, hands.requests.focus = True, 2
    first = hands.look()
    for _ in range(10):
        again = hands.look()
    assert again[1:] == first[1:]
    assert again.number > first.number
    hands.answer("armed", 2)
    for _ in range(20):
        last = hands.look()
    assert last == again, "once it is heard it is not repeated"


def test_an_answer_to_another_window_is_not_ours(hands):
    hands.requests.learn, hands.requests.focus = True, 2
    hands.look()
    hands.link.health.set_text("hands", ANSWER, Answer(1, "learned", 2, "cc 1").text())
    hands.look()
    assert hands.requests.focus == 2
    assert hands.learn_client.done is None


def test_the_controller_that_moved_is_told_for_a_moment(hands):
    told = hands.link.health.row("hands")
    told.set_text(REACH, reach_text(0, [(1, 0.2), (3, 0.9)]))
    hands.look()
    told.set_text(REACH, reach_text(0, [(1, 0.3), (3, 0.9)]))
    hands.look()
    assert hands.learn_client.moved == 1
    hands.now += 5.0
    assert hands.learn_client.moved is None
    assert hands.learn_client.reach == {1: 0.3, 3: 0.9}
    told.set_text(REACH, reach_text(1, [(1, 0.3)]))
    hands.look()
    assert hands.learn_client.reach == {}, "another patch has other knobs"


def test_an_arrowhead_stands_where_the_controller_is_and_points_to_the_hand():
    layout, rows = Layout(1280, 720, 8), Rows()
    from instrument.stage.views.overlays import reach_marks

    reach_marks(rows, layout, 0, 0.2, 0.8)
    marks = rows.array()
    x, y = layout.point(0, 0.2)
    assert len(marks) == 3
    assert marks[:2, 0] == pytest.approx([x - 13.0 * layout.mark, x + 13.0 * layout.mark], abs=1e-3)
    assert all(marks[:2, 3] > y), "the tip is further out, where the hand is"
    assert marks[2, 6] > 0.0, "the way between them is dotted"
    near = Rows()
    reach_marks(near, layout, 0, 0.50, 0.52)
    assert len(near.rows) == 2


# --- room for every word


@pytest.fixture(scope="module")
def window():
    pytest.importorskip("pyglet")
    from instrument.base.errors import RosinError
    from instrument.stage.window import open_window

    try:
        found = open_window(320, 180, headless=True)
    except RosinError as error:
        pytest.skip(f"no EGL here: {error}")
    yield found
    found.close()


@pytest.mark.parametrize(("size", "language", "scale"), CASES)
def test_the_overlay_of_the_keys_says_everything_within_the_picture(window, size, language, scale):
    from instrument.stage.views.keys_view import KeysView

    layout = Layout(*size, 8)
    view = KeysView(layout, language, scale)
    assert view.whole
    assert view.left >= 0.02 * size[0]
    assert view.right <= 0.98 * size[0]
    assert view.bottom >= 0.02 * size[1]
    assert view.top <= 0.98 * size[1]
    assert view.size >= 16 * size[1] / 720


@pytest.mark.parametrize("count", [1, 2, 3, 8, 12, 16])
@pytest.mark.parametrize(("size", "language", "scale"), CASES)
def test_a_word_now_and_then_hides_no_name_and_is_whole(window, size, language, scale, count):
    from instrument.stage.views.overlays import Overlays
    from instrument.stage.views.writing import Writing

    layout = Layout(*size, count)
    names = tuple(NAMES[i % 8] + (" of the known" if i % 5 == 0 else "") for i in range(count))
    labels = PatchLabels("slow glass", names, (0.5,) * count, "model", "credits", model_info=SHEET)
    writing = Writing(layout, labels, language, scale)
    stood = [box for box in writing.boxes if box is not None]
    overlays, frame = Overlays(layout, labels, language, scale), frames(0.1)[-1]
    requests = ViewRequests()
    requests.swap_letters()
    for key, values in (("stage.word.no_take", {}), ("stage.word.save", {"number": 2}), ("stage.word.marked", {})):
        requests.say(key, **values)
        overlays.draw(requests, frame, labels)
        assert set(overlays.boxes) == {"word", "letters"}
        word, letters = overlays.boxes["word"], overlays.boxes["letters"]
        for box in (*word, *letters):
            assert not any(box.meets(name) for name in stood)
            assert box.bottom > 0.5 * size[1]
            assert box.left >= 0.0
            assert box.right <= size[0]
        assert not any(a.meets(b) for a in word for b in letters)


def test_a_word_in_rehearsal_leaves_the_star_and_the_dials_free(window):
    from instrument.stage.views.overlays import Overlays
    from instrument.stage.views.rehearsal import Rehearsal

    for size, language, scale in CASES:
        requests, control_view = ViewRequests(), Rehearsal(*size, 8, scale)
        requests.toggle("rehearsal")
        requests.swap_letters()
        requests.say("stage.word.no_take")
        overlays = Overlays(Layout(*size, 8), PROGRAMME, language, scale)
        overlays.draw(requests, frames(0.1)[-1], PROGRAMME)
        for box in (*overlays.boxes["word"], *overlays.boxes["letters"]):
            assert box.right < control_view.panel_left
            assert box.bottom > control_view.strip
            ends = [control_view.point(knob, 1.0) for knob in range(8)]
            assert not any(box.meets(Box(x, y, 0.0, 0.0), 20.0 * control_view.unit) for x, y in ends)


def test_big_type_is_bigger(window):
    from instrument.stage.views.keys_view import KeysView

    small, big = (KeysView(Layout(1280, 720, 8), "fr", scale).size for scale in SCALES)
    assert big > 1.2 * small


@pytest.mark.parametrize(("size", "language", "scale"), CASES)
def test_no_two_words_of_learning_meet_and_none_leaves_the_picture(window, size, language, scale):
    from instrument.stage.views.learn_view import LearnView

    learn_client = LearnClient()
    learn_client.armed, learn_client.done = True, Answer(1, "learned", 1, "/a/long/address/fader/3 0…127")
    learn_client.bound = {i: ("cc 24 ch 16", "/1/a/rather/long/address/fader 0…127")[i % 2] for i in range(8)}
    view = LearnView(Layout(*size, 8), NAMES, language, scale)
    view.see(learn_client, 1)
    assert len(view.boxes) >= 8 + 5
    for box in view.boxes:
        assert box.left >= 0
        assert box.bottom >= 0
        assert box.right <= size[0]
        assert box.top <= size[1] + 0.1 * (box.top - box.bottom)
    for a, b in itertools.combinations(view.boxes, 2):
        assert not a.meets(b, -2.0), (a, b)


@pytest.mark.parametrize(("size", "language", "scale"), CASES)
def test_a_long_sentence_under_the_title_stays_beside_the_star(window, size, language, scale):
    from instrument.stage.views.writing import Writing

    layout = Layout(*size, 8)
    writing = Writing(layout, PROGRAMME, language, scale)
    why = "a_rather_long_name_of_a_visual.fs line 2: `undefined_name_of_something' undeclared"
    status = say("visual.kept", language, why=why)
    writing.draw(None, status, frames()[-1])
    lines = [label for label in writing._status if label.text]
    assert lines
    edge = min(layout.point(i, 1.0)[0] for i in (5, 6, 7))  # the ends of the spokes on the left, and their names
    for label in lines:
        box = Box(label.x, label.y - label.content_height, label.content_width, label.content_height)
        assert box.right <= max(edge, 0.40 * size[0]), label.text
        assert not any(box.meets(name) for name in writing.boxes if name is not None), label.text
    told = " ".join(label.text for label in lines)
    assert scale > 1.0 or told == status or told.endswith("…")  # (large type cuts a long word within a line)
    writing.draw(None, "", frames()[-1])
    assert not any(label.text for label in writing._status)


@pytest.mark.parametrize(("size", "language", "scale"), CASES)
def test_lines_of_the_credits_have_room_and_all_are_reached(window, size, language, scale):
    from instrument.stage.views.credits_view import CreditsView

    near, now = Near(), [0.0]
    for frame in frames(0.5):
        near.see(frame, PROGRAMME)
    lines = roll_lines(near, language)
    view = CreditsView(lines, Layout(*size, 8), language, scale, True, 0, lambda: now[0])
    seen: set[str] = set()
    for page in range(60):
        view.turn(page)
        view.draw()
        seen |= {text for text, *_ in view.shown}
        assert all(0.1 * size[0] < left and right < 0.9 * size[0] for _, _, left, right in view.shown)
    together = " ".join(seen)
    assert all(part in together for line in lines for part in line.parts)
    last = view.shown
    now[0] += 1000.0
    view.draw()
    assert view.shown == last, "in calm mode nothing rolls by itself"


def test_the_roll_moves_by_itself_by_whole_lines_and_stops_at_its_end(window):
    from instrument.stage.views.credits_view import HOLD_S, LINES_S, CreditsView

    near, now = Near(), [0.0]
    for frame in frames(0.5):
        near.see(frame, PROGRAMME)
    view = CreditsView(roll_lines(near, "en"), Layout(1280, 720, 8), "en", 1.6, False, 0, lambda: now[0])
    view.draw()
    first = view.shown
    now[0] = HOLD_S + 0.5 * LINES_S
    view.draw()
    assert view.shown == first
    now[0] = HOLD_S + 1.5 * LINES_S
    view.draw()
    assert view.shown[0][0] == first[1][0]
    now[0] = 1e6
    view.draw()
    assert "one machine" in " ".join(text for text, *_ in view.shown)


# --- in the picture


def paint(window, wish: str, **how: object) -> np.ndarray:
    """A small picture with something over it."""
    from instrument.documents.options import StageOptions
    from instrument.stage.gpu import gl
    from instrument.stage.player import StagePlayer
    from instrument.stage.settings import StageSettings

    player = StagePlayer(StageSettings(stage=StageOptions(width=320, height=180)), [PROGRAMME])
    player.health = how.get("health")
    player.take(frames(0.3))
    player.paint(320, 180, 0.5)
    if wish:
        setattr(player.input.requests, wish, True)
    for name, value in how.items():
        if name != "health":
            setattr(player.input.requests, name, value)
    player._overlays.memory.seen_at = None  # as when it was wished long ago
    player.paint(320, 180, 0.5)
    gl.finish()
    return gl.pixels(320, 180).copy().astype(int)


def test_every_overlay_dims_what_lies_behind_and_writes_on_it(window):
    plain = paint(window, "")
    bright = (plain.max(axis=2) > 150).mean()
    for wish in ("keys", "credits", "learn"):
        picture = paint(window, wish)
        behind, before = (np.percentile(p[45:135, 110:210], 60) for p in (picture, plain))
        assert behind < 0.6 * before, wish
        assert (picture.max(axis=2) > 60).sum() > 40, wish  # letters four pixels high are hardly ever ivory
        assert (picture.max(axis=2) > 150).mean() < bright


def test_a_black_picture_is_black_whatever_lies_over_it(window):
    from instrument.stage.player import FADE_S

    assert FADE_S < 1.0
    assert paint(window, "black", keys=True).max() == 0


def test_where_a_controller_waits_is_drawn_on_the_stage(window):
    with Link.create() as link:
        before = paint(window, "", health=link.health)
        link.health.set_text("hands", REACH, reach_text(0, [(2, 0.95)]))
        link.health.set_text("hands", BOUND, bound_text(0, {2: "cc 7"}))
        after = paint(window, "", health=link.health)
    changed = np.abs(after - before).max(axis=2) > 60
    x, y = Layout(320, 180, 8).point(2, 0.95)
    near = changed[int(180 - y) - 8 : int(180 - y) + 8, int(x) - 12 : int(x) + 8]
    assert near.sum() > 8


def test_a_field_comes_and_goes_in_its_own_time(window):
    from instrument.stage.views.overlays import FADE_S, OverlayMemory, Overlays

    now = [0.0]
    overlays = Overlays(Layout(320, 180, 8), PROGRAMME, "en", memory=OverlayMemory(clock=lambda: now[0]))
    requests, frame = ViewRequests(clock=lambda: now[0]), frames(0.1)[-1]
    overlays.draw(requests, frame, PROGRAMME)
    now[0] = 1.0
    requests.keys = True
    overlays.draw(requests, frame, PROGRAMME)
    now[0] += 0.5 * FADE_S
    overlays.draw(requests, frame, PROGRAMME)
    assert 0.3 < overlays.memory.field <= 1.0
    requests.keys = False
    now[0] += 0.5
    overlays.draw(requests, frame, PROGRAMME)
    now[0] += 2.0 * FADE_S
    overlays.draw(requests, frame, PROGRAMME)
    assert (overlays.memory.field, overlays.memory.over) == (0.0, "")


def test_overlays_of_another_size_remember_who_was_played(window):
    from instrument.stage.views.overlays import Overlays

    first = Overlays(Layout(320, 180, 8), PROGRAMME, "en")
    first.draw(ViewRequests(), frames(0.1)[-1], PROGRAMME)
    second = Overlays(Layout(640, 360, 8), PROGRAMME, "en", before=first)
    assert list(second.memory.near.sheets) == ["ab"]


def test_keys_are_laid_out_once(window, monkeypatch):
    from instrument.stage.views import overlays as module

    made = []
    original = module.KeysView
    monkeypatch.setattr(module, "KeysView", lambda *args: (made.append(time.monotonic()), original(*args))[1])
    overlays = module.Overlays(Layout(320, 180, 8), PROGRAMME, "en")
    requests, frame = ViewRequests(), frames(0.1)[-1]
    requests.keys = True
    for _ in range(4):
        overlays.draw(requests, frame, PROGRAMME)
    assert len(made) == 1
