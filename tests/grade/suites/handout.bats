#!/usr/bin/env bats
# What students are given, by either route: `make handout`, `make handout-shell`. That a student's
# grader scores it as it should is seen by handout_check.bats, which needs the sandbox.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines

load ../../helpers

test_timeout 160
MAKE_HANDOUT=$TOP/tests/handout/make

setup_file() {
	require_lab
	command -v git >/dev/null && command -v python3 >/dev/null || return 0 # each test says so
	local route
	for route in c shell; do
		unpack $route "$BATS_FILE_TMPDIR"
	done
}

setup() {
	requires git make python3
	cd "$BATS_TEST_TMPDIR" || return
	export CONDUCTOR_ROOT=$BATS_TEST_TMPDIR/state
	snapshot_world
}

teardown() {
	[ -n "${WORLD_BEFORE:-}" ] || return 0 # skipped
	[ ! -e "$CONDUCTOR_ROOT/containers/c1" ] || "$CONDUCTOR" stop c1
	assert_world_unchanged
}

# unpack ROUTE DIRECTORY: makes the handout and unpacks it to DIRECTORY/ROUTE.
unpack() {
	mkdir "$2/$1"
	"$MAKE_HANDOUT" "$1" -o "$2/$1.tar.gz" >/dev/null && tar -C "$2/$1" --strip-components=1 -xzf "$2/$1.tar.gz"
}

# A copy to build in, or to break.
copy() { # ROUTE
	cp -a "$BATS_FILE_TMPDIR/$1" "$BATS_TEST_TMPDIR/handout"
	cd "$BATS_TEST_TMPDIR/handout" || return
}

# What the route's regions are in, in the tree.
sources() { # ROUTE
	case $1 in
	c) printf '%s\n' "$TOP"/task[1-4]/*.c ;;
	shell) find "$TOP/tests/grade/reference/shell" -type f ;;
	esac
}

# What the handout's own modules know, asked in Python.
ask() { # ARGUMENT... <PROGRAM
	PYTHONPATH=$TOP/tests/handout PYTHONDONTWRITEBYTECODE=1 python3 - "$@"
}

# The lines of all regions, without what stands around them, in the file solution; those that what is
# given has as well (a declaration, a line that another program shares) in the file shared.
# What is as short as `return -1;` is no solution.
solution_lines() { # ROUTE
	ask "$1" <<-'PROGRAM'
		import sys
		from making import regions, selection
		inside, given = set(), set()
		for _, source in selection.select(sys.argv[1]):
		    text = source.read_text()
		    lines = [line.strip() for line in text.splitlines()]
		    found = regions.find(text, str(source)) if selection.may_have_regions(source) else []
		    for region in reversed(found):
		        inside.update(line for line in lines[region.begin + 1:region.end] if len(line) >= 24)
		        del lines[region.begin:region.end + 1]
		    given.update(lines)
		for name, lines in ("solution", inside - given), ("shared", inside & given):
		    with open(name, "w") as out:
		        out.write("".join(line + "\n" for line in sorted(lines)))
	PROGRAM
}

# For each region of a file a version in which only that one is not written: version.0, version.1 ...
open_each() { # FILE
	ask "$1" <<-'PROGRAM'
		import sys
		from making import regions
		text = open(sys.argv[1]).read()
		for number, region in enumerate(regions.find(text, sys.argv[1])):
		    if not region.indent:
		        continue  # a function: without it, who calls it doesn't build
		    lines = text.splitlines()
		    lines[region.begin:region.end + 1] = regions.placeholder(region, text, sys.argv[1])
		    with open(f"version.{number}", "w") as out:
		        out.write("\n".join(lines) + "\n")
	PROGRAM
}

list_regions() { # ROUTE
	local files
	mapfile -t files < <(sources "$1")
	"$MAKE_HANDOUT" regions "${files[@]}"
}

builds() { # CC
	run -0 make -s -j "$(nproc)" CC="$1"
	refute_contains "$output" "warning:"
}

# --- the archive --------------------------------------------------------------------------------

@test "handout: the same tree gives the same bytes, by either route" {
	local route
	mkdir again
	for route in c shell; do
		TZ=Asia/Tokyo unpack $route again
		cmp "$BATS_FILE_TMPDIR/$route.tar.gz" "again/$route.tar.gz"
	done
	run -0 tar --numeric-owner -tvzf again/c.tar.gz
	assert_equal "$(cut -d ' ' -f 2 <<<"$output" | sort -u)" 0/0
}

@test "handout: nothing is in it of the extras, hidden checks, mutants, references and how it is made" {
	local route
	for route in c shell; do
		cd "$BATS_FILE_TMPDIR/$route"
		run -0 find . -name .git -o -name .ci -o -name 'vm' -o -name 'hidden' -o -name 'handout*' -o -name '*.bats' \
			-not -path './tests/grade/checks/*' -o -path './tests/*' -type d \( -name faults -o -name fuzz \
			-o -name weak -o -name security -o -name bench -o -name conductor -o -name 'mutants' \
			-o -name reference -o -name samples -o -name suites -o -name platforms \) -o -name report
		assert_equal "$output" ""
		[ -f tests/grade/checks/task3.bats ] # it does look at a handout
	done
}

@test "handout: every path and every link that its pages and Makefiles name is there" {
	local route page target
	for route in c shell; do
		cd "$BATS_FILE_TMPDIR/$route"
		for page in README.md task?/README.md; do
			while read -r target; do
				[ -e "$(dirname "$page")/${target%%#*}" ] || fail "$route: $page has a link to $target"
			done < <(grep -oE '\]\([^)]+\)' "$page" | sed 's/^](//; s/)$//' | grep -v '://')
		done
		while read -r target; do
			[ -e "$target" ] || grep -qxF "/$target" .gitignore || fail "$route: the pages name $target"
		done < <(grep -hoE '(tests|common|report)/[A-Za-z0-9_./-]*[A-Za-z0-9_]' README.md task?/README.md Makefile | sort -u)
		run -1 grep -nE 'make (test|demo|report|lint)' README.md task?/README.md Makefile
	done
}

@test "handout: the rubric is the visible part of ours, loads, and is what the student's page says" {
	local rubric=tests/grade/rubric.tsv points
	cd "$BATS_FILE_TMPDIR/c"
	cmp $rubric ../shell/$rubric
	assert_equal "$(grep -c $'\tvisible\t' $rubric)" "$(grep -c $'\tvisible\t' "$TOP/$rubric")"
	run -1 grep -nw hidden <(cut -f 5,8 $rubric)
	points=$(awk -F '\t' '$5 == "visible" { sum += $4 } END { print sum }' $rubric)
	assert_equal "$(sed -n 's/^@total\t//p' $rubric)" "$points"
	grep -q "worth $points points" README.md
	assert_equal "$(awk -F '|' '$2 ~ /^ [1-4][a-d]? $/ && NF == 6 { sum += $3 } END { print sum }' README.md)" "$points"
	assert_equal "$(awk -F '|' '$2 ~ /^ [1-4] $/ && NF == 4 { print $2 $3 }' README.md)" \
		"$(sed -n 's/^@deadline\t\(.\)\t\(.*\)/ \1  \2 /p' "$TOP/$rubric")"
	PYTHONPATH=tests/grade PYTHONDONTWRITEBYTECODE=1 python3 -c '
from grading import judge, rubric
loaded = rubric.load("tests/grade/rubric.tsv", judge.known_ids())
assert {check.id for check in loaded.checks} == judge.known_ids()'
}

# --- the regions --------------------------------------------------------------------------------

@test "handout: each part that the course asks for has regions, by either route" {
	local route ids="1 2a 2b 2c 3a 3b 3c 4"
	for route in c shell; do
		run -0 list_regions $route
		assert_equal "$(cut -f 2 <<<"$output" | sort -u | xargs)" "$ids"
		assert_equal "$(grep -rhoE '(/\*|#) TODO [1-4][a-d]?:' "$BATS_FILE_TMPDIR/$route"/task? | sort)" \
			"$(awk -F '\t' '{ print ($1 ~ /\.c$/ ? "/*" : "#") " TODO " $2 ":" }' <<<"$output" | sort)"
		run -1 grep -rnE '(/\*|#) (SOLUTION|END [1-4])' "$BATS_FILE_TMPDIR/$route"
	done
}

@test "handout: no line of a solution is anywhere in it" {
	local route
	for route in c shell; do
		solution_lines $route
		[ "$(wc -l <solution)" -ge 40 ]
		# Nearly all of what is cut out is nowhere else.
		[ "$(wc -l <shared)" -le $(($(wc -l <solution) / 8)) ] || fail "$(cat shared)"
		# In the tree each of them is found.
		sources $route | xargs -d '\n' sed 's/^[ \t]*//' | grep -xFf solution | sort -u | cmp - <(sort solution)
		run -1 grep -xFf solution <(cd "$BATS_FILE_TMPDIR/$route" && find . -type f -exec cat {} + | sed 's/^[ \t]*//')
	done
}

@test "handout: with the solutions put back every source is what it was" {
	local route file name
	for route in c shell; do
		cp -a "$BATS_FILE_TMPDIR/$route" filled.$route
		run -0 "$MAKE_HANDOUT" fill $route filled.$route
		while read -r file; do
			name=${file#"$TOP"/}
			cmp "$file" "filled.$route/${name#tests/grade/reference/shell/}"
		done < <(sources $route | xargs -d '\n' grep -l SOLUTION)
		run -1 grep -rnE '(/\*|#) TODO [1-4]' filled.$route/task?
	done
}

@test "handout: a marker without its other half is one line, and nothing is made" {
	local case
	while IFS='|' read -r text case; do
		printf '%b' "$text" >bad.c
		run -1 --separate-stderr "$MAKE_HANDOUT" regions bad.c
		assert_equal "$stderr" "handout: $case"
	done <<-'CASES'
		/* SOLUTION 3b: join */\n|bad.c:1: SOLUTION 3b has no END 3b
		\n/* END 3b */\n|bad.c:2: END 3b without a SOLUTION 3b before it
		/* SOLUTION 3b: join */\n/* END 3a */\n|bad.c:2: END 3a ends SOLUTION 3b
		/* SOLUTION 3b: join */\n/* SOLUTION 3c: x */\n|bad.c:2: SOLUTION 3c inside of SOLUTION 3b
		/* SOLUTION 3b */\n/* END 3b */\n|bad.c:1: not a marker of the kind `SOLUTION 3b: hint`, `END 3b`
	CASES
	run -2 --separate-stderr "$MAKE_HANDOUT" c
	assert_equal "$stderr" "handout: the following arguments are required: -o (--help tells more)"
}

# --- what a student has on the first day --------------------------------------------------------

@test "handout: the C route builds without a warning, and an unwritten part says so and does nothing" {
	requires gcc root
	copy c
	builds gcc
	run -1 --separate-stderr task1/namespace_prog
	assert_contains "$stderr" "namespace_prog: not written yet: 1 (see task1/README.md)"
	run -1 --separate-stderr task2/simple_container
	assert_contains "$stderr" "simple_container: not written yet: 2a (see task2/README.md)"
	assert_equal "$(hostname)" lab

	run -0 task3/conductor build base
	run -125 --separate-stderr task3/conductor run base c1 -- touch "$BATS_TEST_TMPDIR/ran"
	assert_contains "$stderr" "conductor: run: not written yet: 3a (see task3/README.md)"
	[ ! -e "$BATS_TEST_TMPDIR/ran" ]
	run -0 task3/conductor ps
	refute_contains "$output" c1
	XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR run -1 --separate-stderr task4/service-orchestrator up
	assert_contains "$output" "What was made before is undone."
}

# Whatever is written first, no command may run half-confined.
@test "handout: a container of which any single region is missing does not begin" {
	requires gcc root overlay
	local file version seen=0 command=(run base c2 --)
	copy c
	"$MAKE_HANDOUT" fill c .
	make -s -j "$(nproc)" common task3 2>&1
	task3/conductor build base
	run -0 task3/conductor run --rm base c1 -- true
	for file in birth rootfs exec; do
		open_each "$TOP/task3/$file.c"
		if [ $file = exec ]; then
			command=(exec c1 --)
			make -s -C task3 && task3/conductor run -d base c1 -- sleep 1000
		fi
		for version in version.*; do
			cp "$version" task3/$file.c
			make -s -C task3 2>&1 # one part without the other may be warned of
			run -125 --separate-stderr task3/conductor "${command[@]}" touch "$BATS_TEST_TMPDIR/ran"
			# In an ordinary user's lab its parent may be the first to notice.
			assert_matches "$stderr" '(not written yet: 3|it was killed before its program began)'
			seen=$((seen + 1))
		done
		rm version.*
		cp "$TOP/task3/$file.c" task3/$file.c
	done
	make -s -C task3 && task3/conductor stop c1
	[ $seen -ge 6 ] && [ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

@test "handout: the C route builds without a warning by clang" {
	requires clang
	copy c
	builds clang
}

@test "handout: the shell route builds, and an unwritten part says so and does nothing" {
	requires gcc root
	copy shell
	builds gcc
	[ -x task4/counter-service/run.sh ] && [ -x task4/external-service/external-service ]
	run -0 bash -n task2/simple_container.sh
	run -0 bash -n task3/conductor.sh
	run -0 bash -n task4/service-orchestrator.sh
	gcc -Wall -Wextra -Wno-unused -o namespace_prog task1/namespace_prog.c
	run -1 --separate-stderr ./namespace_prog
	assert_equal "$stderr" "./namespace_prog: part 1 is not written yet"
	run -1 --separate-stderr task2/simple_container.sh
	assert_equal "$stderr" "simple_container.sh: part 2a is not written yet"
	mkdir -p task3/.images/base
	run -1 --separate-stderr task3/conductor.sh run base c1 -- touch "$BATS_TEST_TMPDIR/ran"
	assert_equal "$stderr" "conductor.sh: part 3a is not written yet"
	[ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

@test "handout: what the student's page types to hand in has all four tasks and nothing that was built" {
	local route
	for route in c shell; do
		copy $route
		make -s common
		mkdir -p build/grade/root-1/fs build/check
		sed -n '/^Hand in/,$ { s/^sudo //; /^make\|^tar/p }' README.md >commands
		assert_equal "$(wc -l <commands)" 2
		bash -e commands
		PYTHONPATH=tests/grade PYTHONDONTWRITEBYTECODE=1 run -0 python3 -c '
import pathlib
from grading import intake
print(*sorted(intake.take("../NAME.tar.gz", pathlib.Path("../taken")).entries))'
		assert_equal "$output" "1 2 3 4"
		assert_equal "$(tar -tzf ../NAME.tar.gz | grep -E '^./build|\.[ao]$')" ""
		cd ..
		rm -rf handout taken
	done
}
