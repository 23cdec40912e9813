#!/usr/bin/env bats
# grade render: every format of the results in tests/grade/samples, against what the formats' specifications say.
#   ada      every point, a flaky check        brian     failures that block others, evidence
#   grace    tasks missing, grader's errors    hostile   what a submission might write to harm who reads it

load ../../helpers

SAMPLES=$TOP/tests/grade/samples

setup() {
	requires python3
	out=$BATS_TEST_TMPDIR/out
}

render() { # DIR [OPTION...]
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$TOP/tests/grade python3 -m grading.render.main "$@"
}

# One sample alone, in $one.
alone() { # NAME
	one=$BATS_TEST_TMPDIR/one
	mkdir -p "$one"
	cp -r "$SAMPLES/$1" "$one"
}

# The sample with jq's FILTER applied to its result, alone in $one.
altered() { # NAME FILTER
	alone "$1"
	jq "$2" "$SAMPLES/$1/result.json" >"$one/$1/result.json"
}

# The JSON value that a filter finds in $output is true.
assert_json() { # FILTER
	jq -e "$1" >/dev/null <<<"$output" || fail "not so: $1" "in:" "$output"
}

# No character that a terminal or XML would stumble over, or that turns the direction of text.
assert_harmless() { # FILE
	refute grep -qP '[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]' "$1"
	refute grep -qP '\xe2\x80[\xaa-\xae]' "$1"
}

# The same bytes in every format.
assert_rendered_alike() { # RESULTS RESULTS
	local format
	for format in text json csv junit tap gradescope classroom50 autolab html; do
		render "$1" --format $format -o "$out.1"
		render "$2" --format $format -o "$out.2"
		diff -r "$out.1" "$out.2"
		rm -r "$out.1" "$out.2"
	done
}

# --- every format -------------------------------------------------------------------------------

@test "render: the same results give the same bytes in every format" {
	assert_rendered_alike "$SAMPLES" "$SAMPLES"
}

@test "render: nothing that a submission wrote reaches a terminal or parser raw, in any format" {
	local format
	alone hostile
	for format in text json csv junit tap gradescope classroom50 autolab; do
		render "$one" --format $format -o "$out"
		[ "$format" != csv ] || sed -i 's/\r$//' "$out"
		assert_harmless "$out"
	done
	render "$one" --format html -o "$out.d"
	assert_harmless "$out.d/index.html"
	assert_harmless "$out.d/students/hostile.html"
}

@test "render: students are told nothing of hidden checks but their number and points" {
	local format
	alone hostile
	for format in text json csv junit tap classroom50 autolab gradescope; do
		render "$one" --format $format --audience student -o "$out"
		refute grep -qE 'HIDDEN-|3a-stop-kills-all|setns, not by a second' "$out"
	done
	render "$one" --format html -o "$out.d"
	refute grep -rqE 'HIDDEN-|3a-stop-kills-all|setns, not by a second' "$out.d/students"
	run -0 render "$one" --format text
	assert_matches "$output" '1 hidden check: 0/2'
	assert_contains "$output" "blocked by: a hidden check"
}

@test "render: instructors are told of hidden checks" {
	local format
	alone hostile
	for format in text json junit tap; do
		run -0 render "$one" --format $format --audience instructor
		assert_contains "$output" "HIDDEN-SEEN"
	done
	render "$one" --format html --audience instructor -o "$out"
	grep -q HIDDEN-SEEN "$out/students/hostile.html"
	grep -q 'hidden from students' "$out/students/hostile.html"
	grep -q HIDDEN-TITLE "$out/index.html"
}

@test "render: a word for visibility that nobody knows hides a check" {
	altered ada '.checks[0].visibility = "secret" | .checks[0].title = "TITLE"'
	run -0 render "$one" --format text
	refute_contains "$output" TITLE
	run -0 render "$one" --format gradescope
	assert_json '.tests[0].visibility == "hidden"'
}

@test "render: several results of a platform's format need -o, and one line says so" {
	local format
	for format in gradescope classroom50 autolab; do
		run -1 --separate-stderr render "$SAMPLES" --format $format
		assert_equal "$output" ""
		# shellcheck disable=SC2154 # run sets stderr
		assert_matches "$stderr" "^grade: render: .*: 4 submissions, and this format has one a file \(give -o OUT, a directory\)$"
		render "$SAMPLES" --format $format -o "$out"
		assert_equal "$(find "$out" -type f | wc -l)" 4
		rm -r "$out"
	done
}

@test "render: where the results lie does not change what is written of them" {
	alone brian
	cp -r "$one" "$BATS_TEST_TMPDIR/elsewhere"
	assert_rendered_alike "$one" "$BATS_TEST_TMPDIR/elsewhere"
}

@test "render: a directory without results, a broken result, an unknown format each are one clear line" {
	mkdir "$out"
	run -1 render "$out" --format text
	assert_equal "$output" "grade: render: $out: no NAME/result.json in it (is it what grade -o wrote?)"
	mkdir "$out/x"
	echo '{' >"$out/x/result.json"
	run -1 render "$out" --format text
	assert_contains "$output" "grade: render: $out/x/result.json: not JSON: "
	sed 's/no interface but lo/no interface \xff/' "$SAMPLES/brian/result.json" >"$out/x/result.json"
	run -0 render "$out" --format text
	assert_matches "$output" 'seen: +no interface �'
	echo '{"schema": "another/1"}' >"$out/x/result.json"
	run -1 render "$out" --format text
	assert_equal "$output" "grade: render: $out/x/result.json: not a result of schema container-course/result/1"
	run -2 render "$SAMPLES" --format word
	assert_matches "$output" "^grade: render: .*word.*\(try: grade render --help\)$"
	run -1 render "$SAMPLES" --format csv -o "$out/no/such"
	assert_equal "$output" "grade: render: $out/no/such: can't be written: No such file or directory"
}

@test "render: a name that would lead out of the directory becomes a plain file name" {
	alone ada
	mv "$one/ada" "$one/..a b%é"
	render "$one" --format html -o "$out"
	[ -f "$out/students/=2E.a=20b=25=C3=A9.html" ]
	grep -q 'href="students/%3D2E.a%3D20b%3D25%3DC3%3DA9.html"' "$out/index.html"
}

# --- text, json, csv ----------------------------------------------------------------------------

@test "render text: score, verdicts, expected, seen, lesson and where the evidence lies" {
	alone brian
	run -0 render "$one" --format text
	assert_matches "${lines[1]}" '^brian +74 of 100 points$'
	assert_matches "$output" 'FAILED +A veth pair connects container and host \[3c-veth\] +0/3'
	assert_matches "$output" 'expected: +an interface of kind veth'
	assert_matches "$output" 'seen: +no interface but lo'
	assert_matches "$output" 'read: +task3/README.md, "addnetwork"'
	assert_contains "$output" $'evidence:   evidence/task3/links.txt\n               | 1: lo: <LOOPBACK,UP>'
	assert_matches "$output" 'blocked by: +3c-veth \(costs nothing of its own\)'
	assert_contains "$output" "Beyond the assignment (shown, worth nothing)"
	assert_line "Checks: 17 passed, 4 failed, 7 blocked"
	[ "$(wc -L <<<"$output")" -le 100 ]
}

@test "render text: the grader's own failure is called that and is nobody's loss" {
	alone grace
	run -0 render "$one" --format text
	assert_contains "$output" "not the submission's failure"
	assert_matches "$output" 'ERROR +cpu.max is 500000 1000000 \[2c-limit-set\] +–'
	assert_matches "$output" 'grader error: this kernel has no cpu controller'
	assert_matches "$output" 'missing: +no conductor.sh'
}

@test "render text: several submissions end in a table" {
	run -0 render "$SAMPLES" --format text
	assert_matches "$output" $'\nsubmission +1 +2a +2b +2c +3a +3b +3c +4 +score\nada .* 100\nbrian .* 74\n'
	assert_matches "$output" $'\ngrace .* 45   grader error\n'
}

@test "render json: the canonical result comes back as it was" {
	requires jq
	alone brian
	render "$one" --format json -o "$out"
	diff <(jq -S . "$out") <(jq -S . "$one/brian/result.json")
	run -0 render "$SAMPLES" --format json
	assert_json 'map(.score.points) == [100, 74, 45, 79]'
}

@test "render csv: RFC 4180, a row a submission, and no cell is a formula" {
	render "$SAMPLES" --format csv -o "$out"
	assert_equal "$(grep -c $'\r$' "$out")" "$(wc -l <"$out")"
	run -0 python3 - "$out" <<-'END'
		import csv, sys
		rows = list(csv.reader(open(sys.argv[1], newline="", encoding="utf-8"), strict=True))
		assert len(rows) == 5 and len(set(map(len, rows))) == 1, rows
		table = [dict(zip(rows[0], row)) for row in rows[1:]]
		assert [row["points"] for row in table] == ["100", "74", "45", "79"]
		for row in table:
		    groups = sum(int(v) for k, v in row.items() if k.startswith("group "))
		    assert groups == sum(int(v) for k, v in row.items() if k.startswith("task ")) == int(row["points"]), row
		assert not any(cell[:1] in tuple("=+-@\t\r") for row in rows for cell in row if cell)
		assert table[3]["submission"].startswith("'=cmd")
		assert table[1]["failed checks"] == "1-new-pidns 2c-process-in-it 3a-dev 3c-veth"
		assert table[2]["grader error in"].endswith("2c-throttled task 2") and table[0]["flaky checks"] == "3c-internet"
	END
}

# --- junit, tap ---------------------------------------------------------------------------------

@test "render junit: the schema holds, and the counts are those of the elements" {
	requires xmllint
	render "$SAMPLES" --format junit -o "$out"
	xmllint --noout --schema "$SAMPLES/junit.xsd" "$out"
	run -0 python3 - "$out" <<-'END'
		import sys, xml.etree.ElementTree as tree
		for suite in tree.parse(sys.argv[1]).getroot():
		    for attribute, element in (("tests", "testcase"), ("failures", "testcase/failure"),
		                               ("errors", "testcase/error"), ("skipped", "testcase/skipped")):
		        assert int(suite.get(attribute)) == len(suite.findall(element)), (suite.attrib, attribute)
	END
}

@test "render junit: failed is failure, the grader's is error, blocked and uncounted are skipped, flaky is told" {
	requires xmllint
	count() { # SAMPLE XPATH
		alone "$1"
		render "$one" --format junit -o "$out"
		rm -r "$one"
		xmllint --xpath "count($2)" "$out"
	}
	assert_equal "$(count brian '//failure[@type="fail"]')" 4
	assert_equal "$(count brian '//skipped[@type="blocked"]')" 9
	assert_equal "$(count brian '//skipped[@type="robust"]')" 3
	assert_equal "$(count grace '//error[@type="grader"]')" 3
	assert_equal "$(count grace '//failure[@type="missing"]')" 18
	assert_equal "$(count ada '//testcase[contains(@name, "3c-internet")]/flakyFailure')" 1
	assert_equal "$(count ada '//failure')" 0
}

# Reads TAP 14 as a harness would: plans, numbers, YAML blocks, subtests. Prints the test points' kinds.
read_tap() { # FILE
	awk '
		function wrong(why) { print FILENAME ":" NR ": " why ": " $0; bad = 1; exit 1 }
		NR == 1 { if ($0 != "TAP version 14") wrong("no version"); next }
		{ match($0, /^ */); level = int(RLENGTH / 4); rest = substr($0, level * 4 + 1) }
		yaml { if (rest == "  ...") yaml = 0; else if (rest !~ /^  [a-z_]+: "([^"\\]|\\.)*"$/) wrong("not YAML"); next }
		rest == "  ---" { if (!seen[level]) wrong("YAML without a test point"); yaml = 1; next }
		rest ~ /^1\.\.[0-9]+$/ { plan[level] = substr(rest, 4); seen[level] = 0; next }
		rest ~ /^# Subtest: / { name = substr(rest, 12); next }
		rest ~ /^#/ { next }
		rest ~ /^(not )?ok [0-9]+ - / {
			kind = rest ~ /^not/ ? "not ok" : "ok"
			number = rest; sub(/^(not )?ok /, "", number); sub(/ .*/, "", number)
			if (number != ++seen[level]) wrong("number")
			if (level == 0 && name != "") {
				if (seen[1] != plan[1]) wrong("the subtest ran " seen[1] " of " plan[1])
				if (substr(rest, index(rest, " - ") + 3) != name) wrong("not the name of the subtest")
			}
			if (match(rest, /[^\\] # (SKIP|TODO) /)) kind = kind " " substr(rest, RSTART + 4, 4)
			count[level " " kind]++
			next
		}
		{ wrong("not TAP") }
		END {
			if (bad) exit 1
			if (yaml || seen[0] != plan[0]) { print "the document ends early"; exit 1 }
			for (key in count) print key ": " count[key]
		}' "$1" | sort
	return "${PIPESTATUS[0]}"
}

@test "render tap: version 14, with plans, YAML blocks and a subtest a submission" {
	render "$SAMPLES" --format tap -o "$out"
	run -0 read_tap "$out"
	assert_line "0 ok: 1"
	assert_line "0 not ok: 3"
	refute_contains "$output" "0 ok SKIP"
}

@test "render tap: blocked is SKIP, uncounted is TODO, and no title can pass for a directive" {
	alone brian
	render "$one" --format tap -o "$out"
	run -0 read_tap "$out"
	assert_equal "$output" $'0 not ok TODO: 3\n0 not ok: 4\n0 ok SKIP: 9\n0 ok: 22'
	rm -r "$one"
	alone hostile
	render "$one" --format tap -o "$out"
	run -0 read_tap "$out"
	refute_contains "$output" TODO
	grep -qF '\# TODO' "$out"
	rm -r "$one"
	alone grace
	run -0 render "$one" --format tap
	assert_contains "$output" "2c-limit-set cpu.max is 500000 1000000 (the grader itself failed, not the submission)"
}

# --- Gradescope, Classroom 50, Autolab ----------------------------------------------------------

@test "render gradescope: the fields and words of the specification, in every sample" {
	requires jq
	render "$SAMPLES" --format gradescope -o "$out"
	local file
	for file in "$out"/*.json; do
		output=$(cat "$file")
		assert_json '(.score | type) == "number" and .score >= 0 and (.execution_time | type) == "number"'
		assert_json '.output_format == "text" and .visibility == "visible" and .stdout_visibility == "hidden"'
		assert_json 'keys - ["score", "execution_time", "output", "output_format", "test_output_format",
			"test_name_format", "visibility", "stdout_visibility", "extra_data", "tests", "leaderboard"] == []'
		assert_json '.tests | all(.score <= .max_score and (.name | length > 0) and (.output | type == "string"))'
		assert_json '.tests | all(.visibility | IN("visible", "hidden", "after_due_date", "after_published"))'
		assert_json '.tests | all(has("status") | not) or all(.status == null or (.status | IN("passed", "failed")))'
		assert_json '.tests | map(keys) | add - ["score", "max_score", "status", "name", "name_format", "number",
			"output", "output_format", "tags", "visibility", "extra_data"] == []'
		assert_json '(.tests | map(.score) | add) == .score and (.tests | map(.max_score) | add) == 100'
	done
}

@test "render gradescope: hidden checks stay hidden, blocked ones cost 0 of 0, the grader's failure has no status" {
	requires jq
	alone hostile
	run -0 render "$one" --format gradescope
	assert_json '.tests | map(select(.visibility == "hidden")) | length == 5'
	assert_json '[.output, (.tests[] | select(.visibility == "visible") | .name, .output, (.tags // [] | join(" ")))]
		| all(test("HIDDEN-|3a-stop-kills-all") | not)'
	assert_json '.tests[] | select(.extra_data.id == "1-child2-name") |
		.score == 0 and .max_score == 0 and .status == "failed" and (.name | endswith("[blocked]"))'
	rm -r "$one"
	alone grace
	run -0 render "$one" --format gradescope
	assert_json '.tests[] | select(.extra_data.id == "2c-limit-set") |
		.max_score == 0 and (has("status") | not) and (.name | endswith("[grader error]"))'
	assert_json '.tests[] | select(.number == "2c.4") | .max_score == 10 and (has("status") | not)'
	assert_json '.output | contains("that is not the submission'"'"'s failure")'
}

@test "render gradescope: a failed check shows its evidence" {
	requires jq
	alone brian
	run -0 render "$one" --format gradescope
	assert_json '.tests[] | select(.extra_data.id == "3c-veth") | .output |
		contains("expected: an interface") and contains("seen: no interface") and
		contains("read: task3/README.md") and contains("evidence/task3/links.txt ---\n1: lo")'
}

@test "render classroom50: the schema classroom50/result/v1 holds, whose sums are the score" {
	requires jq
	render "$SAMPLES" --format classroom50 -o "$out"
	local file
	for file in "$out"/*.json; do
		output=$(cat "$file")
		assert_json '.schema == "classroom50/result/v1" and (.submission | startswith("submit/"))'
		assert_json 'keys == (["schema", "classroom", "assignment", "assignment_type", "owner", "submission", "commit",
			"release", "review", "datetime", "graded_at", "score", "max-score", "tests"] | sort)'
		assert_json '[.classroom, .assignment, .owner, .commit, .release, .review] | all(type == "string" and length > 0)'
		assert_json '[.datetime, .graded_at] | all(test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"))'
		assert_json '.tests | all((.["test-name"] | length > 0) and (.passed | type == "boolean"))'
		assert_json '[., .tests[]] | all(.score >= 0 and .score <= .["max-score"] and .score == (.score | floor))'
		assert_json '(.tests | map(.score) | add) == .score and (.tests | map(.["max-score"]) | add) == 100'
	done
	assert_equal "$(jq .score "$out"/*.json | paste -sd ' ')" "100 74 45 79"
}

@test "render classroom50: who submitted what comes from the runner's environment" {
	requires jq
	alone ada
	export CLASSROOM=c ASSIGNMENT=a ASSIGNMENT_TYPE=group OWNER=o SUBMISSION_TAG=submit/t \
		COMMIT_URL=https://h/c RELEASE_URL=https://h/r REVIEW_URL=https://h/v
	run -0 render "$one" --format classroom50
	assert_json '[.classroom, .assignment, .assignment_type, .owner, .submission, .commit, .release, .review] ==
		["c", "a", "group", "o", "submit/t", "https://h/c", "https://h/r", "https://h/v"]'
	assert_json '.tests | all(.passed)'
}

@test "render autolab: the last line is the autoresult, the one before it the formatted feedback" {
	requires jq
	alone hostile
	render "$one" --format autolab -o "$out"
	output=$(tail -n 1 "$out")
	assert_equal "$output" '{"scores": {"Task 1": 11, "Task 2": 30, "Task 3": 23, "Task 4": 15}, "scoreboard": [11, 30, 23, 15, 79]}'
	output=$(tail -n 2 "$out" | head -n 1)
	assert_json '._presentation == "semantic" and (.stages | length) == 5 and (keys - .stages) == ["_presentation", "stages"]'
	assert_json '.["Task 1"]["1-new-pidns Child 1 is process 1 of a new PID namespace"] |
		.passed == false and (.hint | startswith("expected: NSpid"))'
	altered ada '.submission.name = "{\"scores\": {\"Task 1\": 1000}}"'
	rm -r "$one/hostile"
	render "$one" --format autolab -o "$out"
	assert_equal "$(grep -c '^{' "$out")" 2
}

@test "render autolab: a task that the grader could not judge has no score" {
	altered grace '(.checks[] | select(.task == 2) | .verdict) = "error"'
	run -0 render "$one" --format autolab
	assert_contains "${lines[-1]}" '"scores": {"Task 1": 20, "Task 3": 0, "Task 4": 0}'
	altered grace .
	run -0 render "$one" --format autolab
	assert_contains "${lines[-1]}" '"scores": {"Task 1": 20, "Task 2": 25, "Task 3": 0, "Task 4": 0}'
}

# --- html ---------------------------------------------------------------------------------------

@test "render html: pages are well-formed, self-contained, without scripts, and each loads nothing" {
	requires xmllint
	render "$SAMPLES" --format html -o "$out"
	xmllint --noout "$out/index.html" "$out"/students/*.html
	assert_equal "$(find "$out" -type f | wc -l)" 5
	refute grep -rqiE '<script|<link|<iframe|<object| on[a-z]+="|url\(|@import|javascript:' "$out"
	refute grep -rqE '(src|href)="(https?:)?//' "$out"
	grep -q "default-src &#x27;none&#x27;" "$out/index.html"
}

@test "render html: a failed check shows expected, seen, lesson and the witness's text and picture" {
	alone brian
	render "$one" --format html -o "$out"
	output=$(cat "$out/students/brian.html")
	assert_contains "$output" "child 1 in a new PID namespace, NSpid: N 1"
	assert_contains "$output" "setns(pidfd 4242, NEWPID)"
	assert_contains "$output" "task1/README.md, &quot;How it works&quot;"
	assert_contains "$output" "4 checks wait for it"
	sed -n 's/.*src="data:image\/svg+xml;base64,\([^"]*\)".*/\1/p' "$out/students/brian.html" | base64 -d |
		cmp - "$one/brian/evidence/task1/witness.svg"
}

@test "render html: evidence is bounded, and no link or path leads out of its directory" {
	alone hostile
	echo SECRET >"$one/secret"
	ln -s "$one/secret" "$one/hostile/evidence/task1/link"
	jq -c --arg secret "$one/secret" '.checks[0].evidence = ["../../secret", $secret, "../result.json", "task1/link",
		"task1", "task1/pipe", "task1/hostile.txt", "none"]' "$SAMPLES/brian/result.json" >"$one/hostile/result.json"
	head -c 100000 /dev/zero | tr '\0' A >>"$one/hostile/evidence/task1/hostile.txt"
	mkfifo "$one/hostile/evidence/task1/pipe"
	render "$one" --format html -o "$out"
	output=$(cat "$out/students/hostile.html")
	refute_contains "$output" SECRET
	refute_contains "$output" "container-course/result"
	assert_contains "$output" "more bytes in evidence/task1/hostile.txt)"
	[ "$(wc -c <"$out/students/hostile.html")" -lt 120000 ]
	rm -r "$one/hostile/evidence"
	ln -s .. "$one/hostile/evidence"
	jq -c '.checks[0].evidence = ["secret"]' "$SAMPLES/brian/result.json" >"$one/hostile/result.json"
	render "$one" --format html -o "$out"
	refute grep -rq SECRET "$out"
}

@test "render html: the index has every submission, the histogram and the checks that failed most" {
	requires xmllint
	render "$SAMPLES" --format html -o "$out"
	xpath() {
		sed 's/ xmlns="[^"]*"//' "$out/index.html" | xmllint --xpath "$1" -
	}
	assert_equal "$(xpath 'count(//table[@class="scores"]/tbody/tr)')" 4
	assert_equal "$(xpath 'count(//rect[@class="column"])')" 3
	assert_equal "$(xpath 'string((//table[@class="worst"]/tbody/tr)[1]/td[3])')" "2 of 4"
	assert_equal "$(xpath 'string((//table[@class="worst"]/tbody/tr)[1]/td[4])')" 6
	assert_contains "$(xpath 'string(//header)')" "74.5"
	assert_contains "$(xpath 'string(//p[contains(@class, "alert")])')" "grace"
	local link
	for link in $(xpath '//table[@class="scores"]//a/@href' | sed -n 's/.*"\(.*\)".*/\1/p'); do
		[ -f "$out/$link" ]
	done
}

@test "render html: where it was judged, and what was judged elsewhere" {
	altered brian '.grader += {sandbox: "world", kernel: "6.18.0", cgroup: "hybrid"} |
		.tasks[].machine = (.grader | {sandbox, kernel, cgroup}) |
		.tasks[1].machine = {sandbox: "vm", kernel: "6.1.0", cgroup: "v2"}'
	run -0 render "$one" --format html -o "$BATS_TEST_TMPDIR/pages"
	page=$(<"$BATS_TEST_TMPDIR/pages/students/brian.html")
	assert_contains "$page" "<dd>world, Linux 6.18.0, cgroup hybrid; task 2: vm, Linux 6.1.0, cgroup v2</dd>"
	altered brian '.grader += {sandbox: "vm", kernel: "", cgroup: ""} | .tasks[].machine = null'
	run -0 render "$one" --format html -o "$BATS_TEST_TMPDIR/pages2"
	page=$(<"$BATS_TEST_TMPDIR/pages2/students/brian.html")
	assert_contains "$page" "<dd>vm</dd>"
}

@test "render html: a browser runs nothing that a submission wrote, and shows it" {
	requires chromium
	render "$SAMPLES" --format html -o "$out"
	run -0 timeout 50 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$BATS_TEST_TMPDIR/browser" \
		--dump-dom "file://$out/students/hostile.html"
	assert_contains "$output" "<title>=cmd|' /C calc'!A0 &lt;script&gt;alert(1)&lt;/script&gt;"
	refute_contains "$output" "<script"
	refute_contains "$output" "onerror="\"
	assert_contains "$output" 'class="ring part"'
}

@test "render: 300 submissions take a few seconds" {
	mkdir "$BATS_TEST_TMPDIR/class"
	local i
	for i in {1..300}; do
		ln -s "$SAMPLES/brian" "$BATS_TEST_TMPDIR/class/s$i"
	done
	local began=$SECONDS
	render "$BATS_TEST_TMPDIR/class" --format html -o "$out"
	[ $((SECONDS - began)) -lt 30 ]
	assert_equal "$(find "$out/students" -name '*.html' | wc -l)" 300
}
