"""A graph from a stranger is looked through before the runtime sees it: it cannot fill memory, nor hold the time."""

# ruff: noqa: E402  (what is not installed is skipped before it is imported)

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doubles import PlainNoise, tiny_card, tiny_model
from mutations import mutated

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper

from instrument.base.errors import RosinError
from instrument.base.paths import shipped
from instrument.cli import main
from instrument.model.gate.onnx_file import GraphRefused, read_onnx
from instrument.model.gate.onnx_gate import check_graph
from instrument.model.gate.sizing import Sizes
from instrument.model.gate.wire import ProtoMalformed, ProtoMessage
from instrument.model.library.card import write_card
from instrument.model.report.verify import verify
from instrument.model.runtime.opening import open_session
from instrument.model.runtime.session import OnnxVoice

Make = Callable[[Any], None]
FLOAT = TensorProto.FLOAT


def constant(graph: Any, name: str, value: Any, kind: Any = np.int64) -> str:
    graph.initializer.append(numpy_helper.from_array(np.array(value, kind), name))
    return name


def added(graph: Any, op: str, *inputs: str, to: str = "huge", **attributes: Any) -> str:
    graph.node.append(helper.make_node(op, list(inputs), [to], **attributes))
    return to


def heard(graph: Any, value: str, by: str = "ReduceMax") -> None:
    """The value ends in the sound, so that no optimiser takes it away."""
    added(graph, by, value, to="peak", keepdims=0)
    for node in graph.node:
        node.output[:] = ["audio.before" if name == "audio" else name for name in node.output]
    graph.node.append(helper.make_node("Add", ["audio.before", "peak"], ["audio"]))


def filled(graph: Any) -> None:
    heard(graph, added(graph, "ConstantOfShape", constant(graph, "s", [1 << 34])))


def expanded(graph: Any) -> None:
    heard(graph, added(graph, "Expand", "state.0", constant(graph, "s", [1 << 17, 1 << 17, 1])))


def tiled(graph: Any) -> None:
    heard(graph, added(graph, "Tile", "state.0", constant(graph, "s", [1 << 12, 1 << 12, 1 << 12])))


def padded(graph: Any) -> None:
    heard(graph, added(graph, "Pad", "state.0", constant(graph, "s", [0, 0, 1 << 40, 0, 0, 0])))


def doubled(graph: Any) -> None:
    name = "state.0"
    for i in range(40):
        name = added(graph, "Concat", name, name, to=f"twice.{i}", axis=2)
    heard(graph, name)


def multiplied(graph: Any) -> None:
    column = constant(graph, "c", np.zeros((1 << 16, 1)), np.float32)
    row = constant(graph, "r", np.zeros((1, 1 << 16)), np.float32)
    heard(graph, added(graph, "MatMul", column, row))


def windowed(graph: Any) -> None:
    weight = constant(graph, "w", np.zeros((1, 1, 1)), np.float32)
    heard(graph, added(graph, "Conv", "state.0", weight, pads=[1 << 34, 0]))


def stretched(graph: Any) -> None:
    weight = constant(graph, "w", np.zeros((1, 1, 4)), np.float32)
    heard(graph, added(graph, "ConvTranspose", "state.0", weight, dilations=[1 << 34]))


def worked(graph: Any) -> None:
    """Each value is small; the products are 10^14."""
    name = constant(graph, "w", np.zeros((2048, 2048)), np.float32)
    for i in range(12000 // 10):
        name = added(graph, "MatMul", name, "w", to=f"product.{i}")
    heard(graph, name)


def ranged(graph: Any) -> None:
    parts = [constant(graph, name, value) for name, value in (("a", 0), ("b", 1 << 34), ("c", 1))]
    heard(graph, added(graph, "Range", *parts))


def hidden(graph: Any) -> None:
    """The size is worked out: -2^32 in 32 bits is 0, and in 64 it is not."""
    graph.node.append(helper.make_node("Cast", [constant(graph, "s", [-(1 << 31)], np.int32)], ["t"], to=7))
    added(graph, "Mul", "t", constant(graph, "k", [-8]), to="u")
    heard(graph, added(graph, "ConstantOfShape", "u"))


def looping(graph: Any) -> None:
    """A loop of 2^62 rounds, as a valid file has it."""
    info = helper.make_tensor_value_info
    kept = [helper.make_node("Identity", [a], [b]) for a, b in (("go", "went"), ("v", "w"))]
    takes = [info("i", TensorProto.INT64, []), info("go", TensorProto.BOOL, []), info("v", FLOAT, [1, 1, 1])]
    gives = [info("went", TensorProto.BOOL, []), info("w", FLOAT, [1, 1, 1])]
    constant(graph, "most", 1 << 62)
    constant(graph, "true", True, np.bool_)
    body = helper.make_graph(kept, "body", takes, gives)
    graph.node.append(helper.make_node("Loop", ["most", "true", "state.0"], ["looped"], body=body))
    heard(graph, "looped")


def choosing(graph: Any) -> None:
    out = helper.make_tensor_value_info("o", FLOAT, [1])
    branch = helper.make_graph([helper.make_node("Constant", [], ["o"], value_floats=[1.0])], "b", [], [out])
    constant(graph, "true", True, np.bool_)
    graph.node.append(helper.make_node("If", ["true"], ["chosen"], then_branch=branch, else_branch=branch))
    heard(graph, "chosen")


def strange(graph: Any) -> None:
    graph.node.append(helper.make_node("Sin", ["state.0"], ["far"], domain="com.stranger"))
    heard(graph, "far")


def chancy(graph: Any) -> None:
    heard(graph, added(graph, "RandomNormal", shape=[1], to="chance"))


def outside(graph: Any) -> None:
    """A weight in a file of the same folder, of which the card says nothing."""
    weight = constant(graph, "w", np.zeros(64), np.float32)
    held = graph.initializer[-1]
    held.ClearField("raw_data")
    held.data_location = TensorProto.EXTERNAL
    entry = held.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    heard(graph, weight)


def lying(graph: Any) -> None:
    constant(graph, "w", np.zeros(4), np.float32)
    graph.initializer[-1].dims[:] = [1 << 40]
    heard(graph, "w")


def backwards(graph: Any) -> None:
    constant(graph, "w", np.zeros(4), np.float32)
    graph.initializer[-1].dims[:] = [-4]
    heard(graph, "w")


def two_kinds(graph: Any) -> None:
    """``strides`` says it is one number and holds a row: the runtime takes the default, a reader the row."""
    weight = constant(graph, "w", np.zeros((1, 1, 1)), np.float32)
    heard(graph, added(graph, "Conv", "state.0", weight, strides=[1]))
    graph.node[-3].attribute[0].type = onnx.AttributeProto.INT


ATTACKS: dict[Make, str] = {
    filled: "would hold 1.7e.10 numbers", expanded: "would hold", tiled: "would hold", padded: "would hold",
    doubled: "would hold", multiplied: "would hold", windowed: "would hold", stretched: "would hold",
    worked: "more than 2e.10 products", ranged: "operation 'Range', which no model here needs",
    hidden: "does not stand in it", looping: "a graph within its graph", choosing: "a graph within its graph",
    strange: "an operation of 'com.stranger'", chancy: "operation 'RandomNormal'", outside: "weights in another file",
    lying: "not as large as it says", backwards: "impossible size", two_kinds: "not of the kind it says",
}  # fmt: skip


def attacked(folder: Path, make: Make) -> Path:
    """A model folder with credits, card and hashes in order, whose decoder does what ``make`` makes it."""
    tiny_model(folder)
    path = folder / "decode.onnx"
    model = onnx.load(path)
    make(model.graph)
    path.write_bytes(model.SerializeToString())
    if make is outside:
        (folder / "weights.bin").write_bytes(bytes(256))
    write_card(tiny_card(name=folder.name), folder)
    if make is outside:  # weights outside the hash: the card was written without them
        card = (folder / "card.toml").read_text().splitlines()
        (folder / "card.toml").write_text("\n".join(line for line in card if "weights.bin" not in line))
    return path


@pytest.mark.parametrize("make", ATTACKS, ids=lambda make: make.__name__)
def test_what_would_fill_memory_or_hold_the_time_is_refused_before_it_is_run(tmp_path: Path, make: Make) -> None:
    attacked(tmp_path / "tiny", make)
    begin = time.monotonic()
    with pytest.raises(RosinError, match=f"decode.onnx is not opened: .*{ATTACKS[make]}") as caught:
        OnnxVoice(tmp_path / "tiny", PlainNoise(), providers="cpu")
    assert time.monotonic() - begin < 2.0
    assert "\n" not in str(caught.value)


def test_verify_finds_it_and_eco_does_not_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROSIN_RIG", str(tmp_path / "rig.toml"))
    attacked(tmp_path / "tiny", outside)
    found = verify(tmp_path / "tiny", PlainNoise(), blocks=5)
    assert [f.text for f in found if f.grade == "bad" and "weights in another file" in f.text]
    assert main(["models", "eco", str(tmp_path / "tiny"), "--out", str(tmp_path / "out")]) == 2
    assert not list(tmp_path.glob("out/tiny-eco"))


@pytest.mark.parametrize("name", ["decode.onnx", "card.toml", "credits.toml"])
@pytest.mark.parametrize("kind", ["pipe", "zero", "sparse"])
def test_what_is_no_plain_file_is_a_sentence_wherever_it_stands(tmp_path: Path, name: str, kind: str) -> None:
    """A link to /dev/zero, a pipe that nobody writes to, and a terabyte of nothing."""
    tiny_model(tmp_path / "tiny")
    path = tmp_path / "tiny" / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "zero":
        path.symlink_to("/dev/zero")
    else:
        with path.open("wb") as file:
            file.truncate(1 << 40)
    begin = time.monotonic()
    said = {"pipe": "it is a pipe", "zero": "it is a device"}.get(kind, "it is larger than")
    with pytest.raises(RosinError, match=said):
        OnnxVoice(tmp_path / "tiny", PlainNoise(), providers="cpu")
    assert time.monotonic() - begin < 2.0


def test_two_graphs_in_one_file_are_not_merged_in_secret(tmp_path: Path) -> None:
    """protobuf merges a message that is given twice: the second graph would be run, and only the first looked at."""
    tiny_model(tmp_path / "tiny")
    path = tmp_path / "tiny" / "decode.onnx"
    other = onnx.ModelProto()
    filled(other.graph)
    path.write_bytes(path.read_bytes() + other.SerializeToString())
    assert len(onnx.load(path).graph.node) > 5
    with pytest.raises(RosinError, match="is not an ONNX file"):
        check_graph(path, {"F": 1, "T": 128})


def test_a_file_of_nothing_but_parts_is_given_up_in_seconds(tmp_path: Path) -> None:
    path = tmp_path / "decode.onnx"
    path.write_bytes(b"\x08\x01" * (1 << 24))  # 32 MB of fields of two bytes
    begin = time.monotonic()
    with pytest.raises(RosinError, match="not an ONNX file"):
        check_graph(path, {})
    path.write_bytes(b"\xf8\x7f\x01" * (1 << 24))
    with pytest.raises(RosinError, match="not an ONNX file"):
        check_graph(path, {})
    assert time.monotonic() - begin < 8.0


# --- what is worked out is true


def agree(data: bytes) -> int:
    """Every size that onnx works out is the one that was worked out here; how many there were."""
    sizes = Sizes(read_onnx(ProtoMessage(memoryview(data))), {})
    inferred = onnx.shape_inference.infer_shapes(onnx.load_from_string(data), data_prop=True)
    count = 0
    for value in (*inferred.graph.value_info, *inferred.graph.output):
        shape = value.type.tensor_type.shape
        if value.type.tensor_type.HasField("shape") and all(d.HasField("dim_value") for d in shape.dim):
            assert sizes.of[value.name] == tuple(d.dim_value for d in shape.dim), value.name
            count += 1
    return count


@pytest.mark.parametrize("path", sorted(shipped("models").glob("*/*.onnx")), ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_sizes_of_what_ships_are_those_that_onnx_works_out(path: Path) -> None:
    assert agree(path.read_bytes()) > 30
    assert check_graph(path, {}).work < 1e7


def test_whatever_the_import_writes_is_let_in_and_its_sizes_are_right() -> None:
    torch = pytest.importorskip("torch")
    from test_import_operations import OPERATIONS, Once

    from instrument.importing.lower import lower
    from instrument.importing.tracer import record

    for name, call in OPERATIONS.items():
        for folded in (False, True):
            with torch.no_grad():
                recording = record(Once(call, folded), "decode", torch.randn(1, 4, 12), [])
                sheet = lower(recording, ("z", "audio"), [])
            assert agree(sheet.model("decode", {}).SerializeToString()) > 0, name


# --- fuzz


def test_a_few_hundred_mutations_of_a_graph_are_opened_or_told(tmp_path: Path) -> None:
    tiny_model(tmp_path / "tiny", frames=1)
    good = (tmp_path / "tiny" / "decode.onnx").read_bytes()
    path = tmp_path / "decode.onnx"
    refused = opened = 0
    for data in mutated(good, 300, seed=11):
        path.write_bytes(data)
        said = ""
        try:
            open_session(path, {}, "cpu")
            opened += 1
        except RosinError as error:
            said = str(error)
            refused += 1
        assert "\n" not in said
    assert refused > 150
    assert opened > 10


def test_any_bytes_are_read_or_refused_and_nothing_else() -> None:
    good = (shipped("models") / "first-bow" / "encode.onnx").read_bytes()[:4000]
    for data in mutated(good, 400, seed=5):
        try:
            Sizes(read_onnx(ProtoMessage(memoryview(data))), {})
        except (ProtoMalformed, GraphRefused):
            continue
