#!/usr/bin/env bats
# The two right solutions, this tree itself and the one in shell, in both sandboxes: every point, in
# every format. Needs the sandboxes: tests/grade/sandbox/root, tests/grade/sandbox/vm build.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines

load ../../helpers

GRADE=$TOP/tests/grade/grade
SHELL_REFERENCE=$TOP/tests/grade/reference/shell
export BATS_TEST_TIMEOUT=900

setup_file() {
	require_lab
	# As it is handed in: what git has, or all where this is no clone.
	mkdir "$BATS_FILE_TMPDIR/tree"
	if [ -e "$TOP/.git" ] && command -v git >/dev/null; then
		git -C "$TOP" -c safe.directory='*' archive HEAD | tar -x -C "$BATS_FILE_TMPDIR/tree"
	else
		tar -C "$TOP" -c --exclude=./build . | tar -x -C "$BATS_FILE_TMPDIR/tree"
	fi
}

setup() {
	requires python3 jq
	"$TOP/tests/grade/sandbox/root" --find >/dev/null || skip "the sandbox's root isn't built (tests/grade/sandbox/root)"
	"$TOP/tests/grade/sandbox/vm" find >/dev/null || skip "the sandbox's machine isn't built (tests/grade/sandbox/vm build)"
	cd "$BATS_FILE_TMPDIR" || return
}

refute_matches_any() { # TEXT PATTERN
	[ "$(grep -cE -- "$2" <<<"$1")" = 0 ]
}

# Every core check passed, none on its second try, and the sum is 100.
assert_every_point() { # OUT/NAME
	run -0 jq -r '[.checks[] | select(.track == "core" and (.verdict != "pass" or .flaky)) | "\(.id) \(.verdict): \(.seen)"] |
		join("; ")' "$1/result.json"
	assert_equal "$output" ""
	assert_equal "$(jq -r '.score | "\(.points)/\(.max)"' "$1/result.json")" 100/100
}

# What a kernel's file calls itself (Linux, Documentation/arch/x86/boot.rst: kernel_version).
release_of() { # VMLINUZ
	python3 -c 'import struct, sys
head = open(sys.argv[1], "rb").read(65536)
print(head[struct.unpack_from("<H", head, 0x20E)[0] + 0x200:].split()[0].decode())' "$1"
}

# The result says where it was judged: each in its sandbox, and 2c where the CPU can be limited.
assert_machines() { # SANDBOX OUT/NAME
	local here machine
	here="$(uname -r) v2"
	grep -qw cpu /sys/fs/cgroup/cgroup.controllers 2>/dev/null || here="$(uname -r) hybrid"
	machine="$(release_of "$("$TOP/tests/grade/sandbox/vm" find)/vmlinuz") v2"
	[ "$1" = world ] || here=$machine
	run -0 jq -r '"\(.grader.kernel) \(.grader.cgroup)",
		(.tasks[].machine | "\(.sandbox) \(.kernel) \(.cgroup)")' "$2/result.json"
	assert_equal "${lines[0]}" "$here"
	if [[ $here = *hybrid ]]; then
		assert_equal "${lines[2]}" "vm $machine"
	else
		assert_equal "${lines[2]}" "$1 $here"
	fi
	assert_equal "${lines[1]},${lines[3]},${lines[4]}" "$1 $here,$1 $here,$1 $here"
}

# graded SANDBOX SUBMISSION NAME
graded() {
	run -0 "$GRADE" --sandbox "$1" --seed "$RANDOM" -o "$1" "$2"
	echo "$output"
	assert_every_point "$1/$3"
	assert_machines "$1" "$1/$3"
}

# In the vm each takes minutes: there, ROUTE=c or ROUTE=shell grades this one only.
in_vm() { # ROUTE SUBMISSION NAME
	[ "${ROUTE:-$1}" = "$1" ] || skip "the other route's turn (ROUTE=$ROUTE)"
	graded vm "$2" "$3"
}

@test "grade --sandbox world: this tree has every point" {
	requires machine_root
	graded world tree tree
}

@test "grade --sandbox world: the shell reference has every point" {
	requires machine_root
	graded world "$SHELL_REFERENCE" shell
}

@test "grade --sandbox vm: this tree has every point, and no root is needed" {
	in_vm c tree tree
}

@test "grade --sandbox vm: the shell reference has every point, and no root is needed" {
	in_vm shell "$SHELL_REFERENCE" shell
}

# every_format OUT: each says 100 of all that is in it.
every_format() {
	local out=$1 name hundreds
	render() { "$GRADE" render "$out" --format "$@"; }
	hundreds=$(find "$out" -name result.json -printf '100\n' | xargs)
	assert_equal "$(render text | grep -c ' 100 of 100 points$')" "$(wc -w <<<"$hundreds")"
	assert_equal "$(render json | jq -r 'if type == "array" then .[] else . end | .score.points' | xargs)" "$hundreds"
	assert_equal "$(render csv | python3 -c 'import csv, sys; print(*[row["points"] for row in csv.DictReader(sys.stdin)])')" "$hundreds"
	refute_matches_any "$(render junit)" '<failure|<error'
	refute_matches_any "$(render tap | grep -v '# TODO')" '^ *not ok'
	for name in gradescope classroom50 autolab; do
		render $name -o "$out.$name"
		ls "$out.$name"
	done
	assert_equal "$(find "$out.gradescope" -type f -exec jq -r .score {} + | paste -sd " ")" "$hundreds" # one result is a file
	render html -o "$out.pages"
	grep -q '100' "$out.pages/index.html"
}

@test "grade render: every format says 100 of the references, from either sandbox" {
	local out
	for out in world vm; do
		[ ! -d $out ] || every_format $out
	done
	[ -d world.pages ] || [ -d vm.pages ]
}

@test "grade render html: a browser shows the class and a student's page" {
	requires chromium
	local page
	for page in "$PWD"/*.pages/index.html "$PWD"/*.pages/students/*.html; do
		timeout 120 chromium --headless --no-sandbox --disable-gpu \
			--user-data-dir="$BATS_TEST_TMPDIR/browser" --dump-dom "file://$page" >dom 2>/dev/null 3>&-
		grep -q 100 dom
	done
}
