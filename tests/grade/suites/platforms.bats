#!/usr/bin/env bats
# The packages for course platforms, run as the platform would: around a fake grade, which hands out a sample's result,
# fails or hangs; rendering is the real one.

load ../../helpers

PLATFORMS=$TOP/tests/grade/platforms
SAMPLES=$TOP/tests/grade/samples

setup() {
	requires python3 jq git
	tree=$BATS_TEST_TMPDIR/tree
	fake_tree
	export FAKE=$SAMPLES/brian
}

# A tree with all that a package carries: the real rendering, a fake grade and machine.
fake_tree() {
	local grade=$tree/tests/grade machine=$BATS_TEST_TMPDIR/machine
	mkdir -p "$grade"/{samples,sandbox} "$machine"
	cp -r "$TOP/tests/grade/grading" "$grade"
	touch "$tree/LICENSE" "$tree/tests/"{helpers,leftovers}.bash "$machine"/{vmlinuz,debian.img,snapshot-tcg} "$grade/samples/sample"
	echo '__pycache__/' >"$tree/.gitignore"
	echo answer >"$tree/task3.c"
	printf '#!/bin/bash\necho "%s"\n' "$machine" >"$grade/sandbox/vm"
	fake_grade >"$grade/grade"
	chmod +x "$grade/grade" "$grade/sandbox/vm"
	git -C "$tree" init -q
	git -C "$tree" -c user.name=t -c user.email=t commit -q --allow-empty -m t
}

fake_grade() {
	cat <<-'END'
		#!/bin/bash
		here=$(cd "$(dirname "$0")" && pwd)
		if [ "$1" = render ]; then
			shift
			PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here exec python3 -m grading.render.main "$@"
		fi
		[ "$1 $2 $3" = "--sandbox vm -o" ] || exit 2
		[ -f "$here/../../build/grade/vm-package/vmlinuz" ] && [ -f "$here/../../VERSION" ] || { echo "no machine"; exit 1; }
		[ -e "$5" ] || { echo "no submission"; exit 1; }
		case $FAKE in
		hang) exec sleep 100 ;;
		fail) echo "secret of the grader"; exit 1 ;;
		*) mkdir -p "$4" && cp -r "$FAKE" "$4/submission" ;;
		esac
		exit "${FAKE_STATUS:-0}"
	END
}

package() { # PLATFORM OUT
	"$PLATFORMS/package" --tree "$tree" "$1" "$2"
}

# --- what is packed -----------------------------------------------------------------------------

@test "package: the same tree gives the same bytes, whatever its times" {
	local platform
	for platform in gradescope classroom50 autolab; do
		find "$tree" -exec touch -d 2001-02-03 {} +
		package $platform "$BATS_TEST_TMPDIR/1.$platform"
		find "$tree" -exec touch -d 2004-05-06 {} +
		package $platform "$BATS_TEST_TMPDIR/2.$platform"
		diff -r "$BATS_TEST_TMPDIR/1.$platform" "$BATS_TEST_TMPDIR/2.$platform"
	done
	assert_equal "$(find "$BATS_TEST_TMPDIR" -maxdepth 1 -name '.package*')" ""
}

@test "package: it carries the grader and the machine, no source of the solution, no sample, no snapshot" {
	package gradescope "$BATS_TEST_TMPDIR/g.zip"
	run -0 python3 -m zipfile -l "$BATS_TEST_TMPDIR/g.zip"
	local path
	for path in setup.sh run_autograder grader/tests/grade/grade grader/tests/grade/sandbox/vm grader/VERSION \
		grader/tests/grade/grading/render/style.css grader/build/grade/vm-package/vmlinuz; do
		assert_matches "$output" "$path +1980-01-01 00:00:00"
	done
	refute_contains "$output" .git
	refute_contains "$output" task3.c
	refute_contains "$output" samples
	refute_contains "$output" snapshot
}

@test "package: what is missing is named" {
	rm "$tree/LICENSE"
	run -1 package gradescope "$BATS_TEST_TMPDIR/g.zip"
	assert_equal "$output" "package: LICENSE: missing"
	printf '#!/bin/bash\nexit 1\n' >"$tree/tests/grade/sandbox/vm"
	run -1 package gradescope "$BATS_TEST_TMPDIR/g.zip"
	assert_equal "$output" "package: the virtual machine can't be built"
	run -2 package moodle "$BATS_TEST_TMPDIR/g.zip"
	[ ! -e "$BATS_TEST_TMPDIR/g.zip" ]
}

# --- Gradescope ---------------------------------------------------------------------------------

# Unpacks the zip as Gradescope does, and runs what it has for the submission.
run_gradescope() {
	export AUTOGRADER=$BATS_TEST_TMPDIR/autograder
	package gradescope "$BATS_TEST_TMPDIR/g.zip"
	mkdir -p "$AUTOGRADER"/{source,submission,results}
	(cd "$AUTOGRADER/source" && python3 - "$BATS_TEST_TMPDIR/g.zip") <<-'END'
		import os, sys, zipfile
		archive = zipfile.ZipFile(sys.argv[1])
		for info in archive.infolist():
		    os.chmod(archive.extract(info), info.external_attr >> 16)
	END
	cp "$AUTOGRADER/source/run_autograder" "$AUTOGRADER"
	run -0 "$AUTOGRADER/run_autograder"
	results=$AUTOGRADER/results/results.json
}

@test "gradescope: run_autograder writes results.json of the submission" {
	run_gradescope
	assert_equal "$(jq .score "$results")" 74
	assert_equal "$(find "$AUTOGRADER/results" -type f)" "$results"
}

@test "gradescope: a grader that failed in places still gives the result that it left" {
	FAKE=$SAMPLES/grace FAKE_STATUS=1 run_gradescope
	assert_equal "$(jq .score "$results")" 45
	assert_contains "$(jq -r .output "$results")" "The grader itself failed in places"
}

@test "gradescope: a grader that failed or hung gives a valid result that says so, and nothing of its own words" {
	FAKE=fail run_gradescope
	assert_equal "$(jq -c '[.score, .tests]' "$results")" "[0,[]]"
	assert_matches "$(jq -r .output "$results")" '^The grader itself failed \(exit status 1\).*nothing about your submission'
	refute_contains "$(cat "$results")" secret
	rm -r "$AUTOGRADER"
	FAKE=hang GRADE_TIMEOUT=1 run_gradescope
	assert_matches "$(jq -r .output "$results")" 'it took longer than 1 seconds'
}

# --- Classroom 50 -------------------------------------------------------------------------------

run_classroom50() { # EXIT-STATUS
	package classroom50 "$BATS_TEST_TMPDIR/c"
	mkdir -p "$BATS_TEST_TMPDIR/checkout"
	cd "$BATS_TEST_TMPDIR/checkout" || return
	export CLASSROOM=cs695 ASSIGNMENT=containers SUBMISSION_TAG=submit/1 COMMIT_URL=https://h/c RELEASE_URL=https://h/r \
		OWNER=brian ASSIGNMENT_TYPE=individual REVIEW_URL=https://h/v
	export VM_TAR=${VM_TAR-$BATS_TEST_TMPDIR/c/vm.tar.gz}
	run "-$1" python3 "$BATS_TEST_TMPDIR/c/bundle/autograder.py"
}

@test "classroom50: autograder.py writes result.json and release-body.md of the checkout" {
	run_classroom50 0
	assert_equal "$(jq -c '[.classroom, .owner, .submission, .score, .["max-score"]]' result.json)" \
		'["cs695","brian","submit/1",74,100]'
	assert_equal "$(head -n 1 release-body.md)" "### 74 of 100 points"
	refute grep -q 'setns, not by a second' release-body.md result.json
	assert_equal "$(find . -type f | sort | paste -sd ' ')" "./release-body.md ./result.json"
}

@test "classroom50: the bundle without the machine has less than the 10 MB that a bundle may have" {
	package classroom50 "$BATS_TEST_TMPDIR/c"
	assert_equal "$(cd "$BATS_TEST_TMPDIR/c/bundle" && find . -type f | sort | paste -sd ' ')" \
		"./autograder.py ./grader.tar.gz ./vm.sha256"
	(cd "$BATS_TEST_TMPDIR/c" && sha256sum --quiet -c bundle/vm.sha256)
	refute grep -q vmlinuz <(tar -tzf "$BATS_TEST_TMPDIR/c/bundle/grader.tar.gz")
	grep -qx ./build/grade/vm-package/vmlinuz <(tar -tzf "$BATS_TEST_TMPDIR/c/vm.tar.gz")
}

@test "classroom50: a grader that failed exits 1 and leaves a valid result that says so" {
	FAKE=fail run_classroom50 1
	assert_matches "$(jq -r '.tests[0]["test-name"]' result.json)" '^The grader itself failed \(exit status 1\)'
	assert_equal "$(jq -c '[.schema, .score, .["max-score"], .owner]' result.json)" '["classroom50/result/v1",0,0,"brian"]'
}

@test "classroom50: another machine than the one that was built is refused" {
	echo other >"$BATS_TEST_TMPDIR/other"
	VM_TAR=$BATS_TEST_TMPDIR/other run_classroom50 1
	assert_contains "$output" "vm.tar.gz: not the one that vm.sha256 names"
	VM_TAR='' run_classroom50 1
	assert_contains "$output" "vm.url: missing"
}

# --- Autolab ------------------------------------------------------------------------------------

run_autolab() {
	package autolab "$BATS_TEST_TMPDIR/a"
	cd "$BATS_TEST_TMPDIR/a" || return
	mv autograde-Makefile Makefile
	touch handin.tar
	# Started from a make of its own: one that runs this suite must not hand its flags down.
	run -0 env -u MAKEFLAGS -u MAKELEVEL make
}

@test "autolab: make prints the report and, last, the autoresult" {
	run_autolab
	assert_equal "${lines[-1]}" '{"scores": {"Task 1": 13, "Task 2": 24, "Task 3": 22, "Task 4": 15}, "scoreboard": [13, 24, 22, 15, 74]}'
	assert_contains "$output" "74 of 100 points"
}

@test "autolab: a grader that failed gives an autoresult without scores, and nothing of its own words" {
	FAKE=fail run_autolab
	assert_equal "${lines[-1]}" '{"scores": {}}'
	assert_contains "$output" "The grader itself failed (exit status 1)"
	refute_contains "$output" secret
}
