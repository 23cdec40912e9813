# shellcheck shell=bash
# What every suite stands on: `load helpers`, or `load ../helpers` below tests/conductor.
# Needs bash, bats and coreutils, grep, sed, awk only. Suites run inside the lab: tests/run NAME.
#
#   programs     NAMESPACE_PROG CONTAINER_PROG SIMPLE_CONTAINER COPY_DEPS CONDUCTOR ORCHESTRATOR
#                COUNTER_SERVICE EXTERNAL_SERVICE LAB WITNESS: set one to test another implementation
#   conditions   requires WORD...       skips the test and says why; an unknown word fails it
#   waiting      wait_until SECONDS COMMAND..., await PID
#   assertions   fail  refute  assert_equal  assert_line  refute_line  assert_contains
#                refute_contains  assert_matches  assert_number_between
#   network      fetch URL, fetch_status URL
#   lessons      transcript README COMMAND
#   leftovers    snapshot_world, then assert_world_unchanged (leftovers.bash)

bats_require_minimum_version 1.5.0

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export TOP
export NAMESPACE_PROG=${NAMESPACE_PROG:-$TOP/task1/namespace_prog}
export CONTAINER_PROG=${CONTAINER_PROG:-$TOP/task2/container_prog}
export COPY_DEPS=${COPY_DEPS:-$TOP/task2/copy_deps}
export SIMPLE_CONTAINER=${SIMPLE_CONTAINER:-$TOP/task2/simple_container}
export CONDUCTOR=${CONDUCTOR:-$TOP/task3/conductor}
export COUNTER_SERVICE=${COUNTER_SERVICE:-$TOP/task4/counter-service}
export EXTERNAL_SERVICE=${EXTERNAL_SERVICE:-$TOP/task4/external-service}
export ORCHESTRATOR=${ORCHESTRATOR:-$TOP/task4/service-orchestrator}
export LAB=${LAB:-$TOP/tests/lab/lab}
export WITNESS=${WITNESS:-$TOP/tests/witness/witness}

# No test may hang the suite. bats reads this when a test begins, after the file was loaded, and refuses
# to run the test where neither of these commands is; then tests/run's bound for the whole suite is left.
test_timeout() { # SECONDS
	if command -v pkill ps >/dev/null; then
		export BATS_TEST_TIMEOUT=$1
	else
		unset BATS_TEST_TIMEOUT
	fi
}
test_timeout "${BATS_TEST_TIMEOUT:-60}"

# In place of bats's own, which can be told to end when it has its sleep but not yet its trap: after a
# test of some milliseconds that sleep stays, holds bats's output open, and the suite ends only with it.
bats_start_timeout_countdown() { # SECONDS
	local target=$$
	# shellcheck disable=SC2064 # the pid of now
	trap "bats_timeout_trap $target" ABRT
	(
		# shellcheck disable=SC2046 # a word each
		trap 'kill $(jobs -p); exit 0' ABRT
		sleep "$1" &
		wait
		kill -ABRT "$target" && bats_kill_childprocesses_of "$target"
	) </dev/null >/dev/null 2>&1 3>&- 4>&- &
}

# shellcheck source=tests/leftovers.bash
. "$TOP/tests/leftovers.bash"

# --- where we are -------------------------------------------------------------------------------

# Inside the lab? The kernel is asked, not an environment that could be inherited: the lab's network
# namespace holds the address 203.0.113.2, reserved for documentation (RFC 5737), on no real host.
in_lab() {
	[[ $(</proc/self/net/fib_trie) == *' 203.0.113.2'[[:space:]]* ]]
}

# The first line of setup_file in every suite but the lab's own.
require_lab() {
	in_lab && return
	local suite
	suite=$(basename "${BATS_TEST_FILENAME:-NAME}" .bats)
	echo "this suite changes networks and mounts: run it in the lab, by 'tests/run $suite'" >&2
	return 1
}

in_user_namespace() {
	read -r _ _ count </proc/self/uid_map
	[ "$count" != 4294967295 ]
}

# --- conditions ---------------------------------------------------------------------------------

# Where the kernel mounted this controller's cgroup tree: v2 if it has it there, else v1.
cgroup_tree() { # CONTROLLER
	local mount
	while read -r mount; do
		if grep -qw "$1" "$mount/cgroup.controllers" 2>/dev/null; then
			echo "$mount"
			return
		fi
	done < <(cgroup_v2_trees)
	awk -v controller="$1" '{
		for (i = 7; $i != "-"; i++) continue
		n = split($(i + 3), option, ",")
		for (j = 1; j <= n && $(i + 1) == "cgroup"; j++)
			if (option[j] == controller) { print $5; exit }
	}' /proc/self/mountinfo | grep .
}

cgroup_v2_trees() {
	awk '/ - cgroup2 / { print $5 }' /proc/self/mountinfo
}

can_make_cgroup_in() { # TREE
	local directory
	directory=$1/$(random_name probe)
	mkdir "$directory" 2>/dev/null && rmdir "$directory"
}

can_overlay() {
	# shellcheck disable=SC2016 # the inner shell expands it
	unshare --mount bash -c 'mount -t tmpfs none "$1" && mkdir "$1/"{lower,upper,work,merged} &&
		mount -t overlay none -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" "$1/merged"
		' - "$BATS_RUN_TMPDIR" 2>/dev/null
}

# requires WORD...: skips the test unless this machine has all of them.
requires() {
	local word reason tree
	for word in "$@"; do
		reason=
		case $word in
		root) [ "$(id -u)" = 0 ] || reason="needs root" ;;
		machine_root) # not root of a user namespace, as an ordinary user is in the lab
			if [ "$(id -u)" != 0 ] || in_user_namespace; then
				reason="needs the machine's own root"
			fi ;;
		userns) unshare --user true 2>/dev/null || reason="user namespaces are not allowed here" ;;
		lab) in_lab || reason="needs the lab" ;;
		cgroup_v2)
			tree=$(cgroup_v2_trees | tail -n 1)
			[ -n "$tree" ] && can_make_cgroup_in "$tree" || reason="no cgroup v2 tree that we may write" ;;
		cgroup_cpu | cgroup_memory | cgroup_pids)
			tree=$(cgroup_tree "${word#cgroup_}") && can_make_cgroup_in "$tree" ||
				reason="no cgroup tree with ${word#cgroup_} that we may write" ;;
		pure_v2)
			grep -q . /proc/self/cgroup && [ "$(grep -c . /proc/self/cgroup)" = 1 ] &&
				grep -q '^0:' /proc/self/cgroup || reason="cgroups are not pure v2 here" ;;
		overlay) can_overlay || reason="overlayfs can't be mounted here" ;;
		iproute2) command -v ip >/dev/null || reason="iproute2 is not installed" ;;
		nft | strace | curl | jq | gcc | clang | make | ldd | tar | gzip | debootstrap | busybox | unshare | nsenter | \
			setpriv | setarch | newuidmap | python3 | script | ping | bwrap | crun | runc | musl-gcc | bpftool | ss | gdb | xmllint | chromium | unzip | \
			git | setcap)
			command -v "$word" >/dev/null || reason="$word is not installed" ;;
		*)
			fail "requires: unknown word '$word'"
			return 1 ;;
		esac
		if [ -n "$reason" ]; then
			skip "$reason"
		fi
	done
}

# --- small tools --------------------------------------------------------------------------------

# Runs a program without root's rights: requires machine_root setpriv. From a copy in the lab's /run,
# as the tree may lie below a directory that only root may enter.
as_nobody() { # PROGRAM [ARGUMENT...]
	local copy status=0
	copy=/run/$(random_name)/$(basename "$1")
	mkdir "$(dirname "$copy")"
	cp "$1" "$copy"
	shift
	(cd / && setpriv --reuid=65534 --regid=65534 --clear-groups "$copy" "$@") || status=$?
	rm -r "$(dirname "$copy")"
	return $status
}

# A name that no other test uses: t, or the prefix given, and eight hexadecimal digits.
random_name() { # [PREFIX]
	local bytes
	bytes=$(od -An -N4 -tx1 /dev/urandom)
	printf '%s%s\n' "${1:-t}" "${bytes// /}"
}

# wait_until SECONDS COMMAND...: runs the command until it succeeds; fails loudly when it never does.
# TEST_SLOWNESS=N: the machine is N times as slow as those that the seconds are meant for.
wait_until() {
	local deadline=$((SECONDS + $1 * ${TEST_SLOWNESS:-1} + 1))
	shift
	until "$@"; do
		if ((SECONDS >= deadline)); then
			fail "waited in vain for: $*"
			return 1
		fi
		sleep 0.02
	done
}

# Waits for a background job and puts its exit status where run puts it. (`run wait` can't: it is a
# subshell, and the job is not its child.)
# shellcheck disable=SC2034 # the caller reads status
await() { # PID
	status=0
	wait "$1" || status=$?
}

# What a lesson shows below "$ COMMAND" in a console block, up to the block's end or the next command.
transcript() { # README COMMAND
	awk -v command="$ $2" '
		/^```/ { shown = 0 }
		shown && /^\$ / { shown = 0 }
		shown { print }
		$0 == command { shown = found = 1 }
		END { exit !found }' "$TOP/$1" || fail "$1 has no transcript of: $2"
}

# Asks http://HOST[:PORT]/PATH (bash's own /dev/tcp, so no curl is needed) and prints the answer as
# it came, headers too.
fetch_raw() { # URL
	local rest=${1#http://} host port path
	host=${rest%%/*}
	path=${rest#"$host"}
	path=/${path#/}
	port=80
	if [[ $host == *:* ]]; then
		port=${host##*:}
		host=${host%:*}
	fi
	# shellcheck disable=SC2016 # the inner shell expands it
	timeout "${FETCH_TIMEOUT:-5}" bash -c 'exec 9<>"/dev/tcp/$1/$2" || exit 7
		printf "GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n" "$3" "$1" "$2" >&9
		cat <&9' fetch "$host" "$port" "$path"
}

# Prints the body. 0 for a status of 200 to 299, 22 for another, 7: no connection, 124: no answer.
# FETCH_TIMEOUT=SECONDS (5).
fetch() { # URL
	local answer
	answer=$(fetch_raw "$1") || return
	if [[ $answer == *$'\r\n\r\n'* ]]; then
		printf '%s\n' "${answer#*$'\r\n\r\n'}"
	fi
	[[ $answer == HTTP/1.[01]\ 2* ]] || return 22
}

# Prints the number of the status line, such as 404.
fetch_status() { # URL
	local answer
	answer=$(fetch_raw "$1") || return
	[[ $answer =~ ^HTTP/1\.[01]\ ([0-9]{3}) ]] && echo "${BASH_REMATCH[1]}"
}
# So that `"$LAB" internet -- bash -c 'fetch URL'` has them too.
export -f fetch_raw fetch fetch_status

# --- assertions ---------------------------------------------------------------------------------

fail() { # TEXT...
	printf '%s\n' "$@" >&2
	return 1
}

# The command must fail. A bare "!" would let the test go on: set -e ignores it.
refute() { # COMMAND...
	if "$@"; then
		fail "succeeded, but must not: $*"
	fi
}

assert_equal() { # ACTUAL EXPECTED
	[ "$1" = "$2" ] || fail "expected: $2" "  actual: $1"
}

# The last run's output has exactly this line, or none like it.
# shellcheck disable=SC2154 # bats's run sets $output
assert_line() { # LINE
	grep -qxF -e "$1" <<<"$output" || fail "no line: $1" "in:" "$output"
}

# shellcheck disable=SC2154
refute_line() { # LINE
	if grep -qxF -e "$1" <<<"$output"; then
		fail "must not be there: $1" "in:" "$output"
	fi
}

assert_contains() { # TEXT PART
	[[ $1 == *"$2"* ]] || fail "nowhere: $2" "in:" "$1"
}

refute_contains() { # TEXT PART
	[[ $1 != *"$2"* ]] || fail "must not be there: $2" "in:" "$1"
}

assert_matches() { # TEXT EXTENDED-REGULAR-EXPRESSION
	[[ $1 =~ $2 ]] || fail "does not match $2:" "$1"
}

# Decimals are fine: assert_number_between 0.50 0.45 0.55
assert_number_between() { # NUMBER LOW HIGH
	awk -v n="$1" -v low="$2" -v high="$3" \
		'BEGIN { exit !(n ~ /^-?[0-9]+(\.[0-9]+)?$/ && n >= low && n <= high) }' ||
		fail "not between $2 and $3: $1"
}
