"""Who asks for CUDA and gets the CPU is told so in one sentence, with the reason; who gets what he asked for is not."""

from __future__ import annotations

import pytest

from instrument.base.paths import shipped
from instrument.model.runtime import opening, providers
from instrument.model.runtime.providers import Wanted
from instrument.storage.bank import Bank

TRAINED, COMPUTED = shipped("patches") / "bow.toml", shipped("patches") / "storm.toml"


@pytest.mark.parametrize(
    ("driver", "language", "said"),
    [
        (False, "en", "CUDA was asked for, the CPU plays: there is no NVIDIA driver on this machine."),
        (False, "fr", "CUDA était demandé, le processeur joue : il n'y a pas de pilote NVIDIA sur cette machine."),
        (True, "en", "CUDA was asked for, the CPU plays: ONNX Runtime could not start it; install CUDA 13"),
    ],
)
def test_cuda_that_was_asked_for_and_is_not_there_is_told_of_once(
    driver: bool, language: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "has_nvidia_driver", lambda: driver)
    monkeypatch.setattr(opening.providers, "provider_list", lambda wanted, graph=True: [providers.CPU])
    bank = Bank([TRAINED, COMPUTED, TRAINED], provider="cuda", language=language)
    assert bank.fill() == []
    assert [line[: len(said)] for line in bank.wrong] == [said]


def test_a_computed_model_says_that_it_has_nothing_for_a_card() -> None:
    bank = Bank([COMPUTED], provider="cuda")
    bank.fill()
    assert len(bank.wrong) == 1
    assert "null is computed" in bank.wrong[0]


@pytest.mark.parametrize("provider", ["auto", "cpu"])
def test_who_did_not_ask_for_cuda_is_told_nothing(provider: Wanted) -> None:
    bank = Bank([COMPUTED, TRAINED], provider=provider)
    bank.fill()
    assert bank.wrong == []
