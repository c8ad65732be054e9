# Pictures of the documentation, drawn from what runs. Included by the Makefile.
BOARD := .cache/board

# Apart from the tests' environment: matplotlib and what it brings are for this alone.
$(BOARD)/.ready: pyproject.toml
	@$(PYTHON) -m venv $(BOARD)
	@$(BOARD)/bin/pip install -q --disable-pip-version-check 'matplotlib>=3.10' 'pillow>=11' -e '.[ipydriver]'
	@touch $@

dashboard: $(BOARD)/.ready ## draw the dashboard from a real Prometheus: docs/dashboard.png, in two minutes
	@scripts/debs indiserver=indi-bin prometheus=prometheus
	PYTHONPATH=tests $(BOARD)/bin/python -m board docs/dashboard.png

night: $(BOARD)/.ready ## draw a short night from its own record: docs/night.png, in three minutes
	PYTHONPATH=tests $(BOARD)/bin/python -m board.night docs/night.png

.PHONY: dashboard night
