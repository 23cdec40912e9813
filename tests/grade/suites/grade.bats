#!/usr/bin/env bats
# The grader, as far as it needs no sandbox: its command line, rubric, intake and points. What it does
# with submissions in worlds is in submissions.bats.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines

load ../../helpers

GRADE=$TOP/tests/grade/grade

setup_file() {
	require_lab
}

setup() {
	requires python3
	cd "$BATS_TEST_TMPDIR" || return
}

# Runs Python that may import the grader's modules; its last line printed is the outcome.
python() {
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$TOP/tests/grade python3 -c "$1" "${@:2}"
}

# take PATH: prints the entries of a submission, "task path build" a line.
take() {
	python '
import pathlib, sys
from grading import intake
from grading.errors import IntakeError
try:
    taken = intake.take(sys.argv[1], pathlib.Path(sys.argv[2]))
except IntakeError as error:
    print("refused:", error)
else:
    for task, entry in sorted(taken.entries.items()):
        print(task, entry.path, entry.build or "-")
' "$1" "${2:-taken}"
}

# --- the command line ---------------------------------------------------------------------------

wrong() { # MESSAGE ARGUMENT...
	run -2 --separate-stderr "$GRADE" "${@:2}"
	assert_equal "${#stderr_lines[@]}" 1
	assert_contains "$stderr" "$1"
	assert_equal "$output" ""
}

@test "grade: a wrong call is refused in one line, with 2" {
	wrong "the following arguments are required" -o out
	wrong "the following arguments are required" submission
	wrong "--task: invalid choice" submission -o out --task 5
	wrong "--sandbox: invalid choice" submission -o out --sandbox docker
	wrong "0 is not a number from 1 to 64" submission -o out -j 0
	wrong "cannot be read" submission -o out --rubric nowhere.tsv
	wrong "--no-vm is for --sandbox world" submission -o out --sandbox vm --no-vm
	refute test -e out
}

@test "grade: where make has not been run, it says so at once and makes no sandbox" {
	local sandbox
	mkdir -p tree/tests submission
	cp -r "$TOP/tests/grade" tree/tests/
	rm -f tree/tests/grade/sandbox/{world,boot}
	for sandbox in world vm; do
		run -1 --separate-stderr tree/tests/grade/grade --sandbox $sandbox -o out submission
		assert_equal "${#stderr_lines[@]}" 1
		assert_matches "$stderr" "^grade: .*not built \\(try: make\\)$"
		refute test -e tree/build
	done
}

@test "grade: two at once don't write into one directory" {
	mkdir out submission
	exec 8>out/.lock
	flock 8
	wrong "out: another grade is writing there" submission -o out --sandbox world
	exec 8>&-
}

# --- the sandbox's root ----------------------------------------------------------------------------

# make_root NAME=VALUE...: on a machine whose os-release says so, with no mksquashfs, and a debootstrap
# that has no network. Sets $output, $stderr.
make_root() {
	if [ ! -d bin ]; then
		mkdir -p bin tree/tests/grade
		cp -r "$TOP/tests/grade/sandbox" tree/tests/grade/
		ln -s /usr/bin/* bin/
		rm -f bin/{mksquashfs,debootstrap}
		printf '#!/bin/sh\necho no network >&2; exit 1\n' >bin/debootstrap
		chmod 755 bin/debootstrap
	fi
	printf '%s\n' "$@" >os-release
	PATH=$PWD/bin run -1 --separate-stderr unshare --mount \
		sh -c 'mount --bind os-release /etc/os-release && exec tree/tests/grade/sandbox/root'
	assert_equal "${#stderr_lines[@]}" 1
}

@test "root: is made on Debian 12 or newer only, and elsewhere says so" {
	requires machine_root unshare
	make_root ID=ubuntu ID_LIKE=debian VERSION_ID=24.04 'PRETTY_NAME="Ubuntu 24.04.1 LTS"' VERSION_CODENAME=noble
	assert_contains "$stderr" "needs Debian 12 or newer, this is Ubuntu 24.04.1 LTS"
	make_root ID=debian VERSION_ID=11 'PRETTY_NAME="Debian GNU/Linux 11 (bullseye)"' VERSION_CODENAME=bullseye
	assert_contains "$stderr" "needs Debian 12 or newer, this is Debian GNU/Linux 11 (bullseye)"
	make_root ID=debian VERSION_CODENAME=forky
	assert_contains "$stderr" "missing (try: sudo apt-get install squashfs-tools)"
}

@test "root: without the machine, as in a handout, no mksquashfs is needed" {
	requires machine_root unshare
	make_root ID=debian VERSION_ID=12 VERSION_CODENAME=bookworm
	assert_contains "$stderr" "missing (try: sudo apt-get install squashfs-tools)"
	rm tree/tests/grade/sandbox/vm
	make_root ID=debian VERSION_ID=12 VERSION_CODENAME=bookworm
	assert_contains "$stderr" "cannot build the Debian root: no network"
}

# --- the rubric ---------------------------------------------------------------------------------

@test "rubric: every check has a row and every row a check; at least 7, 8, 22 and 8 of the tasks; 100 points" {
	run -0 python '
from grading import judge, rubric
rules = rubric.load(judge.GRADE / "rubric.tsv", judge.known_ids())
assert {check.id for check in rules.checks} == judge.known_ids()
print(*[len([c for c in rules.of_task(t) if c.track == "core"]) for t in (1, 2, 3, 4)], sum(c.points for c in rules.checks))
assert all(check.points == 0 for check in rules.checks if check.track == "robust")
'
	read -r one two three four total <<<"$output"
	((one >= 7 && two >= 8 && three >= 22 && four >= 8))
	assert_equal "$total" 100
}

@test "rubric: what doesn't fit is refused with its line: points, ids, order, fields" {
	local rubric=$TOP/tests/grade/rubric.tsv
	sed $'s/^1.build\t1\tcore\t0/1.build\t1\tcore\t1/' "$rubric" >rubric.tsv
	wrong "the points sum to 101 instead of 100" submission -o out --rubric rubric.tsv
	sed $'s/^1.build\t/1.bild\t/' "$rubric" >rubric.tsv
	wrong "there is no check 1.bild" submission -o out --rubric rubric.tsv
	sed $'s/\t1.build$/\t1.joined/' "$rubric" >rubric.tsv
	wrong "presupposes 1.joined, which does not stand before it" submission -o out --rubric rubric.tsv
	sed $'s/^\\(1.build\t.*\\)\tcore\t0/\\1\tcore\t1.5/' "$rubric" >rubric.tsv
	wrong "'1.5' is not a whole number" submission -o out --rubric rubric.tsv
	sed '/^1.build/s/\tvisible//' "$rubric" >rubric.tsv
	wrong "7 fields instead of 8" submission -o out --rubric rubric.tsv
	sed '/^@deadline\t3/d' "$rubric" >rubric.tsv
	wrong "no @deadline for task 3" submission -o out --rubric rubric.tsv
}

# --- intake -------------------------------------------------------------------------------------

@test "intake: files are found by name, three directories down, in a directory and in an archive" {
	mkdir -p s/a/b/c s/x
	touch s/a/b/c/namespace_prog.c s/x/simple_container.sh s/conductor.sh s/x/service-orchestrator.c s/x/Makefile
	run -0 take s
	assert_equal "$output" "$(printf '%s\n' '1 a/b/c/namespace_prog.c gcc' '2 x/simple_container.sh -' \
		'3 conductor.sh -' '4 x/service-orchestrator.c make')"
	(cd s && tar -czf ../dot.tar.gz .)
	run -0 take dot.tar.gz dot
	assert_contains "$output" "1 a/b/c/namespace_prog.c gcc"
	tar -czf s.tar.gz s/a s/x
	run -0 take s.tar.gz archive
	# One directory more, so task 1's is too deep.
	assert_equal "$output" "$(printf '%s\n' '2 s/x/simple_container.sh -' '4 s/x/service-orchestrator.c make')"
}

@test "intake: nothing that leads out of a submission is taken along" {
	mkdir -p s/sub
	echo secret >secret
	touch s/conductor.sh
	ln -s /etc/passwd s/absolute
	ln -s ../secret s/up
	ln -s ../../secret s/sub/up
	ln -s conductor.sh s/inside
	mkfifo s/pipe
	chmod 4755 s/conductor.sh
	run -0 take s
	assert_equal "$(cd taken && find . | sort | xargs)" ". ./conductor.sh ./inside ./sub"
	assert_equal "$(stat -c %a taken/conductor.sh)" 755
}

@test "intake: an archive that leads out is refused" {
	echo bad >outside
	mkdir in
	(cd in && tar -P -cf ../up.tar ../outside)
	run -0 take up.tar
	assert_matches "$output" "^refused: the archive can't be unpacked: "
	ln -s /etc in/link
	tar -cf link.tar in/link
	run -0 take link.tar two
	assert_matches "$output" "^refused: the archive can't be unpacked: "
}

@test "intake: what is no submission, or too large, is refused with the reason" {
	run -0 take nowhere
	assert_equal "$output" "refused: there is no such directory or archive"
	echo text >text
	run -0 take text
	assert_matches "$output" "^refused: the archive can't be unpacked: "
	mkdir large
	truncate -s 101M large/conductor.sh
	run -0 take large three
	assert_equal "$output" "refused: it is larger than 100 MB"
}

@test "grade: submissions of one name are told apart" {
	run -0 python '
from grading import batch
print(*batch.names(["a/alice", "b/alice", "c/alice.tar.gz", "c/bob"]))'
	assert_equal "$output" "alice alice-2 alice-3 bob"
}

# --- points -------------------------------------------------------------------------------------

# points WORD...: group 3a's and 3b's points when the checks with these verdicts have come to pass:
# ID:POINTS:VERDICT
points() {
	python '
import sys
from grading import score
from grading.judge import Finding
from grading.rubric import Check
checks, findings = [], {}
for word in sys.argv[1:]:
    id, points, verdict = word.split(":")
    checks.append(Check(id, int(id[0]), "core", int(points), "visible", "", "", ()))
    findings[id] = Finding(verdict)
print(*[group["points"] for group in score.groups(checks, findings)])' "$@"
}

@test "points: what passed, out of all that was judged" {
	assert_equal "$(points 3a.a:3:pass 3a.b:2:fail)" 3
	assert_equal "$(points 3a.a:3:pass 3a.b:2:pass)" 5
	assert_equal "$(points 3a.a:3:missing 3a.b:2:missing)" 0
}

@test "points: one slip isn't charged twice: what is blocked is shared out among the group's others" {
	# 4 of 6 that were judged, of 9: 6.
	assert_equal "$(points 3a.a:4:pass 3a.b:2:fail 3a.c:3:blocked)" 6
	assert_equal "$(points 3a.a:4:fail 3a.b:5:blocked)" 0
}

@test "points: a group that is blocked as a whole has the share of its task's others" {
	assert_equal "$(points 3a.a:2:pass 3a.b:2:fail 3b.a:6:blocked)" "2 3"
	assert_equal "$(points 3a.a:2:fail 3b.a:6:blocked)" "0 0"
}

@test "points: the grader's own failure costs nothing, either" {
	assert_equal "$(points 3a.a:4:pass 3a.b:2:error)" 6
}

@test "grade: the line that it prints names what failed, and only counts what could not be judged" {
	run -0 python '
from grading import batch
def check(id, verdict, track="core"):
    return {"id": id, "verdict": verdict, "track": track}
print(batch._summary({"checks": [check("2a.root", "pass"), check("2a.libs", "fail"), check("2a.run", "blocked"),
                                 check("2c.limit", "error"), check("2c.effect", "error"),
                                 check("3a.words", "fail", "robust")],
                      "score": {"points": 12, "max": 20}, "seconds": 3.2, "tasks": [{"task": 4, "state": "missing"}]}))
'
	assert_equal "$output" "12/20 in 3 s; failed: 2a.libs; 1 blocked; 2 not judged; missing: task 4"
}

@test "points: halves are rounded up, and the sum stays the group's" {
	assert_equal "$(points 3a.a:1:pass 3a.b:1:fail 3a.c:1:blocked)" 2
}

@test "grade: of two tries the better verdict counts, and what passed only then is flaky" {
	run -0 python '
from grading import judge
from grading.judge import Finding
joined = judge.join({"a": Finding("fail"), "b": Finding("pass"), "c": Finding("fail")},
                    {"a": Finding("pass"), "b": Finding("fail"), "c": Finding("fail")})
print(*[f"{id}:{f.verdict}:{f.flaky}" for id, f in joined.items()])'
	assert_equal "$output" "a:pass:True b:pass:False c:fail:False"
}

@test "plan: a seed draws the same names, numbers and ports for everybody, another draws others" {
	run -0 python '
from grading import plan
a, b, c = plan._draw("1"), plan._draw("1"), plan._draw("2")
print(a == b, a == c, max(len(a[f"NAME_{i}"]) for i in (1, 2, 3)))'
	assert_equal "$output" "True False 5"
}
