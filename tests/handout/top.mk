# The container course. `make help` lists the targets.
#
# Options: CC=clang   STATIC=0 (dynamic programs)   SANITIZE=1 (ASan and UBSan)

ROOMS := $(patsubst %/Makefile,%,$(wildcard common/Makefile task*/Makefile tests/*/Makefile tests/grade/sandbox/Makefile))

.DEFAULT_GOAL := all
.PHONY: all $(ROOMS) help check clean

all: $(ROOMS) ## Build every program, each beside its sources
$(ROOMS):
	@$(MAKE) --no-print-directory -C $@
$(filter-out common,$(ROOMS)): common

help: ## List the targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  make -C taskN  Build one task alone"
	@echo "Options: TASK=3 (check only this one), CC=clang, STATIC=0, SANITIZE=1 (ASan and UBSan)"

# The grader ends with 1 when it could not judge something: what it did judge is shown all the same.
check: all ## Grade what you have written, as root; TASK=3: this task only
	@rm -rf build/check
	@tests/grade/grade --sandbox world $(if $(TASK),--task $(TASK)) -o build/check .; status=$$?; \
		[ ! -e build/check/*/result.json ] || tests/grade/grade render build/check --format text || exit; \
		exit $$status

clean: ## Remove everything that was built, but not the sandbox's Debian in build/grade
	@for room in $(ROOMS); do $(MAKE) --no-print-directory -C $$room clean || exit; done
	rm -rf build/obj build/check
