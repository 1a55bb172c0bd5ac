# Rosin. `make play` and `make test` do all of their own set-up on a bare Debian 12 (python3.11, make, root or sudo).
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
APT := libportaudio2 libsndfile1 libgl1 libegl1 libfontconfig1 libfreetype6
APT_TEST := jackd2 liblo-tools puredata-core sox xvfb xdotool libgl1-mesa-dri xserver-xorg-core xserver-xorg-video-dummy x11-xserver-utils
EXTRAS ?= train,stage,video,dev

.PHONY: setup setup-play play test test-core lint bench clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt Makefile
	@sh scripts/system-packages.sh $(APT) $(APT_TEST)
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { sh scripts/system-packages.sh $(PYTHON)-venv && $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
# The independent ear of the training figures. It asks for onnxruntime by name, of which there is one here already.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt swift-f0
	$(BIN)/rosin warm
	@touch $@

# What playing needs and no more: no torch.
$(VENV)/.play:
	@sh scripts/system-packages.sh $(APT)
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { sh scripts/system-packages.sh $(PYTHON)-venv && $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[stage]'
	$(BIN)/rosin warm
	@touch $@

setup-play: $(if $(wildcard $(VENV)/.ready),,$(VENV)/.play)

# A terminal: you play. None: the shipped take plays for 20 s and leaves its sound.
play: setup-play
	@if [ -t 0 ]; then exec $(BIN)/rosin play; else exec $(BIN)/rosin play --demo; fi

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadgroup

lint: setup
	$(BIN)/ruff format --check instrument tests scripts examples
	$(BIN)/ruff check instrument tests scripts examples
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	$(BIN)/rosin bench decode --json
	$(BIN)/rosin bench latency --json

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
