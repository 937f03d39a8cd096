# Set-up is in .venv; every target does what it needs first.
PYTHON ?= python3.11
BIN := .venv/bin
INSTALL := -c constraints.txt -e .[dev]
READY := .venv/.ready
TOOL := PYTHONPATH=tests $(BIN)/python
LANGUAGE := codemirror_mode file_extension mimetype nbconvert_exporter pygments_lexer version
NOISE := $(addprefix metadata.language_info.,$(LANGUAGE)) metadata.widgets
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help demo demo-lab test test-as-user test-slow bench lab lint types strip release lessons mistakes pictures bundle pins clean

help:  ## this list
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / {printf "%-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY)  ## grade a sample class in the folder demo/
	$(BIN)/course demo

test: $(READY)  ## all tests but the slow ones
	$(BIN)/pytest -n 2 --dist loadfile

test-as-user: $(READY)  ## the hostile class, graded by an ordinary user even where you are root
	tools/test_as_user.sh

test-slow: $(READY)  ## kills, hundreds of submissions, a cluster, stock nbgrader beside ours, and the browser
	$(BIN)/pip install -q -c constraints.txt -e .[cluster,pictures]
	$(BIN)/pytest -m slow

lab: $(READY)  ## JupyterLab with the lessons and nbgrader's tools
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb

demo-lab: demo  ## JupyterLab in the sample class: menu Nbgrader, Formgrader
	cd demo && ../$(BIN)/jupyter lab --LabApp.default_url=/lab

bench: $(READY)  ## checks, and grading beside stock nbgrader: about fifteen minutes on a quiet machine
	$(BIN)/python benchmarks/checks.py
	$(BIN)/python benchmarks/grading.py

lint: $(READY)  ## form of the code and of the docstrings
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(READY)  ## annotations, by mypy
	$(BIN)/mypy

strip: $(READY)  ## take outputs and counts out of the notebooks before a commit
	$(BIN)/nbstripout --keep-id --extra-keys "$(NOISE)" notebooks/*.ipynb source/*/*.ipynb

release: $(READY)  ## build release/ from source/
	for folder in source/*/; do $(BIN)/course release $$(basename $$folder) || exit 1; done

lessons: $(READY)  ## run every lesson, and print what each has and covers
	$(TOOL) tools/overview.py

mistakes: $(READY)  ## which wrong answer is named what, as a table and a picture, and the page of all mistakes
	$(TOOL) tools/catalogue.py
	$(TOOL) tools/matrix.py

pictures: $(READY)  ## the picture of the README; needs Debian's chromium
	$(BIN)/pip install -q -c constraints.txt -e .[pictures]
	$(TOOL) tools/pictures.py

bundle: $(READY)  ## dist/unrolled-students.zip: what students get
	$(BIN)/course bundle

# With the oldest Python 3.11 in use (3.11.2, Debian 12), because some packages refuse it.
pins:  ## resolve all packages again and write constraints.txt
	rm -rf .venv-pins && $(PYTHON) -m venv .venv-pins
	.venv-pins/bin/pip install -q torch==2.13.0 && .venv-pins/bin/pip install -q -e ".[dev,pictures,cluster]"
	.venv-pins/bin/pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt
	rm -rf .venv-pins

clean:  ## remove .venv/, demo/ and dist/
	rm -rf .venv demo dist

$(READY): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "Python 3.11 is needed: install it, or name it with make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q $(INSTALL)
	touch $@
