#!/usr/bin/env bats
# What README.md, task3/README.md and the report's sample say is so. (The transcripts of the other
# lessons are compared by their tasks' suites.)
# shellcheck disable=SC2154 # bats sets output

load helpers

setup_file() {
	require_lab
	CONDUCTOR_ROOT=/run/$(random_name state)
	export CONDUCTOR_ROOT
}

setup() {
	snapshot_world
	cd "$TOP" || return
}

teardown() {
	local directory
	for directory in "$CONDUCTOR_ROOT"/containers/*/; do
		[ ! -d "$directory" ] || "$CONDUCTOR" stop -t 0 "$(basename "$directory")"
	done
	assert_world_unchanged
}

# A lesson's console blocks, but for the command that enters the lab, where we are already. Those of
# sh-session are the machine's root's.
shown() { # README [LANGUAGE]
	awk -v begin="^\`\`\`${2:-console}$" '$0 ~ begin { on = 1; next } /^```/ { on = 0 } on' "$1" |
		grep -vxF '$ tests/lab/lab bash'
}

# Types the commands of these blocks into one shell, and prints what is seen there.
replay() { # README [LANGUAGE]
	local line script=$BATS_TEST_TMPDIR/session
	while IFS= read -r line; do
		printf 'printf "%%s\\n" %q\n%s\n' "$line" "${line#$ }"
	done < <(shown "$@" | grep '^\$ ') >"$script"
	bash "$script" </dev/null 3>&- 4>&-
}

# What differs from run to run: sizes, dates, and process numbers above 2.
neutral() {
	sed -E -e 's/[0-9]+\.[0-9] MB/N MB/' -e 's/^ *([3-9]|[0-9]{2,}) /N /' \
		-e 's/(running) +[0-9]+  [0-9-]{10} [0-9:]{8}/\1 N DATE/'
}

@test "task3/README.md: each command of the lesson prints what the lesson shows" {
	requires overlay
	command -v ps >/dev/null || skip "ps is not installed"
	shown task3/README.md | neutral >"$BATS_TEST_TMPDIR/shown"
	replay task3/README.md >"$BATS_TEST_TMPDIR/output" 2>&1
	neutral <"$BATS_TEST_TMPDIR/output" >"$BATS_TEST_TMPDIR/seen"
	[ "$(grep -c '^\$ ' "$BATS_TEST_TMPDIR/seen")" -ge 15 ] # so that it compares something
	diff "$BATS_TEST_TMPDIR/shown" "$BATS_TEST_TMPDIR/seen" ||
		fail "<: as the lesson shows it, >: as it is"
}

@test "task3/README.md: the machine's root leaves a privileged container, and no other" {
	requires machine_root overlay
	"$CONDUCTOR" build base >/dev/null
	shown task3/README.md sh-session >"$BATS_TEST_TMPDIR/shown"
	replay task3/README.md sh-session >"$BATS_TEST_TMPDIR/seen" 2>&1
	[ "$(grep -c '^\$ ' "$BATS_TEST_TMPDIR/seen")" -ge 5 ]
	diff "$BATS_TEST_TMPDIR/shown" "$BATS_TEST_TMPDIR/seen" ||
		fail "<: as the lesson shows it, >: as it is"
}

@test "task3/SECURITY.md: each known failure that it lists has tests with that name in their titles" {
	local row id suites suite titles
	[ "$(grep -cE '^\| [SR][0-9]+ \|' task3/SECURITY.md)" = 35 ]
	while IFS='|' read -r _ row id _ suites _; do
		titles=
		for suite in ${suites//,/ }; do
			titles+=$(grep -h '^@test' tests/{,conductor/,security/,faults/}"$suite".bats 2>/dev/null) || :
		done
		for id in $row ${id//,/ }; do
			[[ $id == '"shocker"' ]] || grep -qF "$id" <<<"$titles" ||
				fail "task3/SECURITY.md: $row: no test of $suites has $id in its title"
		done
	done < <(grep -E '^\| [SR][0-9]+ \|' task3/SECURITY.md)
}

# Lines "README FILE FUNCTION" for what the tables of the lessons say, in cells such as
# [rootfs.c](rootfs.c): `mount_dev`, or rootfs.c: `mount_dev`.
named_functions() {
	awk -F'[|]' '{
		for (i = 2; i <= NF; i++) {
			if (!match($i, /[a-z_]+\.c[^ ]*: `/))
				continue
			file = substr($i, RSTART)
			sub(/\.c.*/, ".c", file)
			count = split($i, part, "`") # every second part is between two marks
			for (j = 2; j <= count; j += 2)
				if (part[j] ~ /^[a-z_0-9]+$/)
					print FILENAME, file, part[j]
		}
	}' task*/README.md
}

@test "lessons: each function in the table of a lesson is in the file that it names" {
	local lesson file function
	named_functions >"$BATS_TEST_TMPDIR/named"
	for lesson in task2 task3 task4; do # as this finds them, there are some in each
		grep -q "^$lesson/README.md " "$BATS_TEST_TMPDIR/named" || fail "none in $lesson"
	done
	while read -r lesson file function; do
		grep -qE "^[a-zA-Z_].*\b$function\(" "$(dirname "$lesson")/$file" "common/$file" 2>/dev/null ||
			fail "$lesson: no function $function in $file"
	done <"$BATS_TEST_TMPDIR/named"
}

@test "README.md: every path and every make target that it names is there" {
	command -v make >/dev/null || skip "make is not installed"
	local path target
	while read -r path; do
		[ -e "$path" ] || fail "README.md names $path"
	done < <(grep -oE '(task[1-4]|tests|common|report)/[A-Za-z0-9_./-]*[A-Za-z0-9_/-]' README.md | sort -u)
	while read -r target; do
		make -n "$target" >/dev/null 2>&1 || fail "README.md names make $target"
	done < <(grep -oE '(sudo |`)make [a-z-]+' README.md | sed 's/.*make //' | sort -u)
}

# A here-document of the generator is what the report says, word for word.
@test "report/sample.md: its text is what report/generate writes, and it tells nothing of a machine" {
	local line
	while IFS= read -r line; do
		grep -qxF -e "$line" report/generate || fail "not in report/generate: $line"
	done < <(awk '/^```/ { code = !code; next } !code && !/^(\||$)/' report/sample.md)
	[ "$(grep -c '^## Task [1-4]: ' report/sample.md)" = 4 ]
	# The lab's hostname, and no path of somebody's own.
	assert_equal "$(grep '^Parent Hostname: ' report/sample.md | sort -u)" 'Parent Hostname: lab'
	run -1 grep -nE '/(home|root|srv|mnt|work)/' report/sample.md
}
