# make demo   from a bare checkout to the first quotes
# make test   everything that must hold, on a bare machine too
#
# torch comes first and alone, from an index of CPU builds; everything else is pinned and takes no further
# dependencies, so that nothing pulls gigabytes of CUDA libraries in. On a machine with a GPU: make demo TORCH_INDEX=

PYTHON ?= python3
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test install clean

demo: $(READY)
	@$(BIN)/onrecord models get starter
	@$(BIN)/onrecord run
	@echo; echo "Who was told or asked about live facial recognition, and who says so:"
	@$(BIN)/onrecord search 'topic:yes (tag:consultation OR tag:notification OR tag:commitment)' --limit 4 --evidence
	@tests/next-steps.sh

test: $(READY)
	@$(BIN)/onrecord models get starter whisper-tiny.en minilm
	@tests/need-browser.sh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto --dist loadfile

install: $(READY)

$(READY): requirements.lock pyproject.toml
	@tests/need-venv.sh $(PYTHON)
	@echo "Setting up $(VENV). To download: torch, about 200 MB; everything else, about 500 MB. On disk: 2.6 GB."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "1/3 torch ..."
	@$(BIN)/pip install -q --disable-pip-version-check --timeout 30 $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX) --retries 0) "$$(grep '^torch==' requirements.lock)"
	@echo "2/3 pinned packages (faster-whisper, pyannote.audio, transformers, openai-whisper, pandas ...) ..."
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps -r requirements.lock
	@echo "3/3 onrecord ..."
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info
