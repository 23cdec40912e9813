# The container course: four tasks, each a room of its own. `make help` lists the targets.
#
# Options: CC=clang   STD=gnu11   STATIC=0 (dynamic programs)   SANITIZE=1 (ASan and UBSan)

ROOMS := common task1 task2 task3 task4 tests/lab tests/bench tests/tools tests/faults tests/witness tests/grade/sandbox \
         tests/grade/services
PREFIX ?= /usr/local
PROGRAMS := task1/namespace_prog task2/container_prog task2/copy_deps task2/simple_container \
            task3/conductor task4/counter-service task4/external-service task4/service-orchestrator

# A sanitized program that is run with LD_PRELOAD would refuse to start.
ifeq ($(SANITIZE),1)
export ASAN_OPTIONS ?= verify_asan_link_order=0
endif

.DEFAULT_GOAL := all
.PHONY: all $(ROOMS) help demo test test-security test-faults test-grade test-mutants test-vm test-portability fuzz \
        lint analyze bench report \
        gradescope classroom50 autolab install uninstall clean

all: $(ROOMS) ## Build every program, each beside its sources
$(ROOMS):
	@$(MAKE) --no-print-directory -C $@
$(filter-out common,$(ROOMS)): common

help: ## List the targets
	@awk -F':.*## ' '/^[a-z][a-z0-9-]*:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  make -C taskN       Build one task alone"
	@echo "Options: CC=clang, STD=gnu11, STATIC=0 (dynamic programs), SANITIZE=1 (ASan and UBSan)"

demo: all ## Run tasks 1 to 4 in the lab, a throw-away world
	tests/lab/lab -- tests/demo

test: all ## Run the suites in the lab (needs bats; SUITES='task1 lab' runs these only)
	tests/run $(SUITES)

test-security: all ## Attack from inside, and see each test fail where its defence is missing
	tests/run tests/security/*.bats
	tests/weak/run

test-faults: all ## Let every system call fail, kill at every call; then 1,000 containers with kills
	SUITE_TIMEOUT=1800 tests/run tests/faults/*.bats

test-grade: all ## Grade right, broken and hostile submissions (needs root; builds the sandboxes)
	tests/grade/sandbox/root
	tests/grade/sandbox/vm build
	SUITE_TIMEOUT=1800 tests/run tests/grade/suites/*.bats

test-mutants: all ## Grade submissions with one fault each, and see the grader name it (needs root)
	tests/mutants/run

test-vm: all ## Run the suites on machines that this one is not, in QEMU (VM=1 to VM=5: one of them)
	tests/vm/run $(VM)

test-portability: ## Build with other compilers, for other machines, and try what qemu-user can run
	tests/portability/run

TIME ?= 60
fuzz: ## Fuzz what reads untrusted bytes, TIME=60 seconds each (needs clang)
	tests/fuzz/run --time $(TIME)

lint: ## Check format, clang-tidy, cppcheck and shellcheck
	tests/lint

analyze: ## Look for bugs with the static analyzers of clang and gcc
	tests/analyze

bench: all ## Measure speed against the floor and against other tools
	tests/lab/lab -- tests/bench/bench

report: all ## Run the tasks in the lab and write build/report.md
	tests/lab/lab -- report/generate build/report.md

gradescope: all ## Build build/gradescope.zip, an autograder for Gradescope
	tests/grade/platforms/package gradescope build/gradescope.zip

classroom50: all ## Build build/classroom50, an autograder for Classroom 50
	tests/grade/platforms/package classroom50 build/classroom50

autolab: all ## Build build/autolab, an autograder for Autolab
	tests/grade/platforms/package autolab build/autolab

handout: ## Make build/handout.tar.gz, what students are given
	tests/handout/make c -o build/handout.tar.gz

handout-shell: ## The same for the shell route: build/handout-shell.tar.gz
	tests/handout/make shell -o build/handout-shell.tar.gz

install: all ## Install the programs below DESTDIR and PREFIX (/usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin
	install $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin

uninstall: ## Remove what install put there
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,$(notdir $(PROGRAMS)))

clean: ## Remove everything that was built
	@for room in $(ROOMS); do $(MAKE) --no-print-directory -C $$room clean || exit; done
	rm -rf build
