# A release as its users get it. Included by the Makefile.
RELEASE := .cache/release

release-check: $(READY) ## build wheel and sdist, install each into an empty environment, and run what is in it
	@rm -rf $(RELEASE) dist && mkdir -p $(RELEASE)
	@$(BIN)/pip install -q --disable-pip-version-check 'build>=1.2'
	$(BIN)/python -m build -q --outdir dist
	scripts/release-check dist/*.whl $(RELEASE)/wheel $(PYTHON)
	scripts/release-check dist/*.tar.gz $(RELEASE)/sdist $(PYTHON)
