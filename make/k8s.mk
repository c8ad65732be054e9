# Manifests for Kubernetes. Included by the Makefile.
K8S := .cache/k8s
K8S_READY := $(K8S)/.ready

# Beside .venv: the policy scan brings a hundred packages of its own.
$(K8S_READY): k8s/requirements.txt $(READY)
	@echo "setting up $(K8S) ..."
	@rm -rf $(K8S) && $(PYTHON) -m venv $(K8S)
	@$(K8S)/bin/pip install -q --disable-pip-version-check -r k8s/requirements.txt
	@touch $@

k8s: $(K8S_READY) ## manifests: build, schemas of Kubernetes, policies, whether the parts fit together, and each alert fired
	@scripts/debs kubectl=kubernetes-client prometheus=prometheus
	$(K8S)/bin/python k8s/validate.py
	$(BIN)/python -m pytest -q -n 2 tests/k8s
