#!/usr/bin/env bats
# The host's own programs: what a container sees of them while it is entered, it must not change, run
# or take from them.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2086 # $SLEEP is two words
# shellcheck disable=SC2034 # attack.bash reads them

load attack

ENTRIES=100

# A conductor that may be lost, and that the one who runs it could write.
victim() { # WORD...
	if [ $WHO = user ]; then
		as_user "$VICTIM" "$@"
	else
		"$VICTIM" "$@"
	fi
}

make_victim() {
	mkdir -p "$WORK/victim"
	VICTIM=$WORK/victim/conductor
	cp "$WORK/conductor" "$VICTIM"
	[ $WHO = root ] || chown -R 65534 "$WORK/victim"
	HASH=$(sha256sum <"$VICTIM")
}

# Its shell is whatever program runs it: conductor, on its way in.
make_hostile_image() {
	mkdir -p image/bin
	printf '#!/proc/self/exe\n' >image/bin/sh
	chmod 755 image/bin/sh
	image_of hostile image
}

# --- S1: the runtime overwritten ----------------------------------------------------------------

overwrite_victim() {
	local i
	make_victim
	make_hostile_image
	attacker $c /attack exe-loop # not the victim's: what runs can't be written
	for ((i = 0; i < ENTRIES; i++)); do
		victim exec $c -- /bin/sh exec /attack 3>&- >/dev/null 2>&1 </dev/null || :
		victim exec $c -- /attack call 39 >/dev/null 2>&1 3>&- || :
	done
	victim run --rm hostile ${c}b </dev/null >/dev/null 2>&1 || :
	assert_equal "$(sha256sum <"$VICTIM")" "$HASH"
	refute_contains "$(conductor logs $c)" overwrote
	conductor stop -t 0 $c
	conductor rmi hostile
}

@test "binary: conductor's own file is not overwritten from inside (S1, CVE-2019-5736)" {
	overwrite_victim
}

@test "binary: conductor's own file is not overwritten from inside (S1, an ordinary user)" {
	ordinary_user
	overwrite_victim
}

@test "binary: that loop overwrites a program that has ended, where it can" {
	cp "$ATTACK" prey
	"$ATTACK" exe-loop "$PWD/prey" >loop.out 3>&- &
	job=$!
	wait_until 5 grep -q ready loop.out
	overwritten() { # a program that cannot be run any more
		./prey tries >/dev/null 2>&1
		grep -q overwrote loop.out
	}
	wait_until 10 overwritten
	head -n 1 prey | grep -qax '#!overwritten'
}

# --- S2: what was left open ---------------------------------------------------------------------

open_host_directories() {
	local fd
	canary
	cp "$ATTACK" "$WORK/canary.d/program"
	CANARY_BEFORE=$(stat -c '%a %u:%g %s %Y %i' "$CANARY" "$WORK/canary.d")
	cd "$WORK/canary.d" || return
	for fd in {9..40}; do
		eval "exec $fd<."
	done
}

close_host_directories() {
	local fd
	for fd in {9..40}; do
		eval "exec $fd<&-"
	done
	cd "$BATS_TEST_TMPDIR" || return
}

descriptors_only() {
	run -0 --separate-stderr way /attack fds
	assert_equal "$(cut -d ' ' -f 1 <<<"$output" | xargs)" "0 1 2"
	run -0 --separate-stderr way sh -c 'pwd; cat "$1" 2>/dev/null; for fd in /proc/self/fd/* /proc/1/fd/*; do
		cat "$fd/$1" 2>/dev/null; done; true' - "$(basename "$CANARY")"
	assert_equal "$output" /
}

@test "binary: of the caller's descriptors and directory nothing is inside (S2, CVE-2024-21626)" {
	open_host_directories
	assert_contains "$(descriptors_of self)" "39 40"
	each_way descriptors_only
	close_host_directories
	assert_canary
}

@test "binary: of the caller's descriptors and directory nothing is inside (S2, an ordinary user)" {
	ordinary_user
	open_host_directories
	each_way descriptors_only
	close_host_directories
	assert_canary
}

# Descriptors that are closed by execve are there while it looks for the program. From a host directory
# .. leads to the host's root.
program_by_descriptor() {
	local fd way_out
	for fd in 0 1 2 {3..40}; do
		for way_out in "program" "../../../../../../..$WORK/canary.d/program" "../../../../../../..${WORK#/run}/canary.d/program"; do
			refute_contains "$(way "/proc/self/fd/$fd/$way_out" tries 2>/dev/null)" userfaultfd
		done
	done
}

@test "binary: no program of the host's runs by way of a descriptor (S2, CVE-2024-21626)" {
	open_host_directories
	each_way program_by_descriptor
	close_host_directories
}

# The same from the image's side: the interpreter of a script.
@test "binary: no script's interpreter is a program of the host's (S2, CVE-2024-21626)" {
	local fd
	open_host_directories
	cd "$BATS_TEST_TMPDIR"
	mkdir -p image
	for fd in {3..40}; do
		printf '#!/proc/self/fd/%s/../../../../../../..%s\n' $fd "$WORK/canary.d/program tries" >image/up$fd
		printf '#!/proc/self/fd/%s/../../../../../../..%s\n' $fd "${WORK#/run}/canary.d/program tries" >image/down$fd
	done
	chmod 755 image/*
	image_of scripts image
	refute_contains "$(conductor run --rm scripts ${c}b -- /up3 2>/dev/null)" userfaultfd
	attacker $c /attack steal-loop
	for fd in {3..40}; do
		refute_contains "$(conductor exec $c -- /up$fd 2>/dev/null)" userfaultfd
		refute_contains "$(conductor exec $c -- /down$fd 2>/dev/null)" userfaultfd
	done
	conductor stop -t 0 $c
	conductor rmi scripts
	close_host_directories
}

# --- S3: taken from the process that enters ------------------------------------------------------

steal_on_entry() {
	local i
	attacker $c /attack steal-loop
	for ((i = 0; i < ENTRIES; i++)); do
		conductor exec $c -- /attack call 39 </dev/null 2>&1 3>&- | cat >/dev/null
	done
	assert_equal "$(conductor logs $c | head -n 5)" ready
}

@test "binary: nothing can be taken from a process that enters (S3, CVE-2016-9962)" {
	steal_on_entry
}

@test "binary: nothing can be taken from a process that enters (S3, an ordinary user)" {
	ordinary_user
	steal_on_entry
}

@test "binary: that loop takes what it can, from a process with other mounts" {
	requires unshare
	in_background unshare --pid --fork --mount --mount-proc --kill-child bash -c 'sleep 1000 &
		exec unshare --mount --propagation private "$1" steal-loop >"$2"' - "$ATTACK" "$PWD/loop.out"
	wait_until 5 grep -q '^stole /proc/[0-9]*/root' loop.out
	wait_until 5 grep -q '^seized ' loop.out
	kill -KILL "$(pid_of "$ATTACK" steal-loop)"
}
