#!/usr/bin/env bats
# What a container's processes may do: capabilities, groups, namespaces, session, keys.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2086 # $SLEEP is two words
# shellcheck disable=SC2034 # attack.bash reads them

load attack

# docker's default set: CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE
# NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP. capabilities(7)
WITH_MKNOD=00000000a80425fb
WITHOUT_MKNOD=00000000a00425fb

# What the kernel says of a process, from outside.
privileges_of() { # PID
	awk '/^(Cap|NoNewPrivs|Seccomp:)/ { printf "%s%s", sep, $1 $2; sep = " " } END { print "" }' "/proc/$1/status"
}

confined_privileges() {
	local mask=$WITHOUT_MKNOD
	! has_device_filter || mask=$WITH_MKNOD
	echo "CapInh:0000000000000000 CapPrm:$mask CapEff:$mask CapBnd:$mask CapAmb:0000000000000000 NoNewPrivs:1 Seccomp:2"
}

# --- capabilities -------------------------------------------------------------------------------

capabilities() {
	local wanted
	wanted=$(confined_privileges)
	started $c
	in_background conductor exec $c -- sleep 3000
	wait_until 5 runs sleep 3000
	assert_equal "$(privileges_of "$(pid_of $SLEEP)")" "$wanted"
	assert_equal "$(privileges_of "$(pid_of sleep 3000)")" "$wanted"
}

@test "privileges: docker's capabilities, no_new_privs and a filter, by run and by exec" {
	capabilities
}

@test "privileges: docker's capabilities, no_new_privs and a filter (an ordinary user)" {
	ordinary_user
	capabilities
}

@test "privileges: what the caller passes on as inheritable and ambient is not inside (S12, CVE-2022-24769, CVE-2022-27650, CVE-2022-29162)" {
	requires setpriv
	local with="setpriv --inh-caps=+net_raw,+sys_admin --ambient-caps=+net_raw,+sys_admin"
	run -0 $with grep CapAmb /proc/self/status
	refute_contains "$output" 0000000000000000 # so there is something to pass on
	$with "$CONDUCTOR" run -d attack $c -- $SLEEP >/dev/null 3>&-
	in_background $with "$CONDUCTOR" exec $c -- sleep 3000
	wait_until 5 runs sleep 3000
	assert_equal "$(privileges_of "$(pid_of $SLEEP)")" "$(confined_privileges)"
	assert_equal "$(privileges_of "$(pid_of sleep 3000)")" "$(confined_privileges)"
}

@test "privileges: --privileged has all capabilities and no filter, and exec follows it" {
	local all
	all=$(sed -n 's/^CapBnd:[[:blank:]]*//p' /proc/self/status)
	started $c --privileged
	in_background conductor exec $c -- sleep 3000
	wait_until 5 runs sleep 3000
	assert_contains "$(privileges_of "$(pid_of $SLEEP)")" "CapBnd:$all"
	assert_contains "$(privileges_of "$(pid_of $SLEEP)")" "NoNewPrivs:0 Seccomp:0"
	assert_equal "$(privileges_of "$(pid_of sleep 3000)")" "$(privileges_of "$(pid_of $SLEEP)")"
}

# A container's own choice must not be readable from what it can change.
@test "privileges: a container can't make its exec a privileged one" {
	started $c
	"$CONDUCTOR" exec $c -- sh -c 'mkdir -p /etc; echo privileged=1 >/state; echo privileged=1 >/etc/state'
	in_background conductor exec $c -- sleep 3000
	wait_until 5 runs sleep 3000
	assert_equal "$(privileges_of "$(pid_of sleep 3000)")" "$(confined_privileges)"
}

@test "privileges: a set-user-ID program inside gains nothing" {
	requires setpriv machine_root
	mkdir -p image
	cp "$(readlink -f "$(command -v grep)")" image/grep
	chmod 4755 image/grep
	printf 'FROM attack\nCOPY image/grep /suid\n' >Conductorfile
	"$CONDUCTOR" build suid Conductorfile >/dev/null
	gains() {
		run -0 --separate-stderr way setpriv --reuid=65534 --regid=65534 --clear-groups /suid -E '^(Uid|CapEff)' /proc/self/status
		assert_equal "$(xargs <<<"$output")" "Uid: 65534 65534 65534 65534 CapEff: 0000000000000000"
	}
	IMAGE=suid each_way gains
	# It would, where nothing holds it back.
	IMAGE=suid run -0 --separate-stderr raw setpriv --reuid=65534 --regid=65534 --clear-groups /suid -E '^Uid' /proc/self/status
	assert_equal "$(xargs <<<"$output")" "Uid: 65534 0 0 0"
	"$CONDUCTOR" rmi suid
}

# --- groups -------------------------------------------------------------------------------------

@test "privileges: the caller's supplementary groups are not inside (S13, CVE-2022-2989, CVE-2022-2990)" {
	requires machine_root setpriv
	local with="setpriv --groups=6,24"
	run -0 $with id -G
	assert_equal "$output" "0 6 24"
	$with "$CONDUCTOR" run -d attack $c -- $SLEEP >/dev/null 3>&-
	in_background $with "$CONDUCTOR" exec $c -- sleep 3000
	wait_until 5 runs sleep 3000
	assert_equal "$(sed -n 's/^Groups:[[:blank:]]*//p' "/proc/$(pid_of $SLEEP)/status" | xargs)" ""
	assert_equal "$(sed -n 's/^Groups:[[:blank:]]*//p' "/proc/$(pid_of sleep 3000)/status" | xargs)" ""
}

# A mode such as 0707 denies a group what all others may; who sheds the group would be let in.
@test "privileges: an ordinary user sheds no group in his container (S13, CVE-2014-8989)" {
	ordinary_user
	USER_GROUPS=65533
	local file
	file=$(echo "$CONDUCTOR_ROOT"/layers/*/attack)
	file=$(dirname "$file")/denied
	echo denied >"$file"
	chown 0:65533 "$file"
	chmod 0707 "$file"
	groups_stay() {
		run way cat /denied
		assert_equal "$status" 1
		assert_contains "$output" "Permission denied"
		run -127 way setpriv --clear-groups cat /denied
		refute_line denied
		run -0 --separate-stderr way cat /proc/self/setgroups
		assert_equal "$output" deny
	}
	each_way groups_stay
	USER_GROUPS=
	run -0 --separate-stderr inside cat /denied # who isn't in the group may
	assert_equal "$output" denied
	rm "$file"
}

# --- namespaces, session, keys ------------------------------------------------------------------

own_namespaces() {
	local kind process kinds="mnt pid net uts ipc cgroup"
	[ $WHO = root ] || kinds+=" user"
	started $c
	in_background conductor exec $c -- sleep 3000
	wait_until 5 runs sleep 3000
	for kind in $kinds; do
		for process in "$(pid_of $SLEEP)" "$(pid_of sleep 3000)"; do
			assert_different "$(namespace_of "$process" $kind)" "$(namespace_of self $kind)"
			assert_equal "$(namespace_of "$process" $kind)" "$(namespace_of "$(pid_of $SLEEP)" $kind)"
		done
	done
}

@test "privileges: no namespace is the host's, by run and by exec" {
	own_namespaces
}

@test "privileges: no namespace is the host's (an ordinary user)" {
	ordinary_user
	own_namespaces
}

own_session() {
	session_of() { sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 4; }
	conductor run --rm attack $c -- $SLEEP 3>&- &
	job=$!
	wait_until 5 runs $SLEEP
	in_background conductor exec $c -- sleep 3000
	wait_until 5 runs sleep 3000
	assert_different "$(session_of "$(pid_of $SLEEP)")" "$(session_of self)"
	assert_equal "$(session_of "$(pid_of $SLEEP)")" "$(pid_of $SLEEP)"
	assert_equal "$(session_of "$(pid_of sleep 3000)")" "$(pid_of sleep 3000)"
}

@test "privileges: each command is the leader of a session of its own" {
	own_session
}


@test "privileges: the caller's keyring is not inside" {
	run -0 "$ATTACK" with-key secret "$ATTACK" read-key
	assert_line secret # so it is there to be read
	run -1 "$ATTACK" with-key secret "$CONDUCTOR" run --rm attack $c -- /attack read-key
	refute_contains "$output" secret
	started $c
	run -1 "$ATTACK" with-key secret "$CONDUCTOR" exec $c -- /attack read-key
	refute_contains "$output" secret
}

@test "privileges: a raw container reads the caller's keyring: that is what is held back" {
	requires machine_root
	run -0 "$ATTACK" with-key secret "$CONDUCTOR" run --rm --privileged attack $c -- /attack read-key
	assert_line secret
}

@test "privileges: nothing of our environment, umask 022, and container=conductor" {
	environment() {
		run -0 --separate-stderr way sh -c 'env | cut -d = -f 1 | sort | xargs; echo $container; umask'
		assert_matches "$output" $'^HOME PATH (PWD )?(SHLVL )?(TERM )?(_ )?container\nconductor\n0022$'
	}
	(
		umask 000
		export SECRET=value LD_PRELOAD='' BASH_ENV=/dev/null
		each_way environment
	)
}

# --- what the confinement itself needs and does not get ------------------------------------------

@test "privileges: a call that fails on the way never makes the confinement weaker" {
	local denied tried=0
	for denied in seccomp=EINVAL seccomp=ENOSYS prctl=EPERM keyctl=ENOSYS bpf=EPERM setsid=EPERM mount_setattr=ENOSYS \
		open_tree=ENOSYS memfd_create=ENOSYS close_range=ENOSYS unshare=EPERM; do
		run --separate-stderr "$DENY" $denied "$CONDUCTOR" run --rm attack $c -- \
			/attack try mount-tmpfs unshare-user bpf
		tried=$((tried + 1))
		if [[ $output == *mount* ]]; then
			assert_refused "$output" EPERM
		else
			assert_equal "$status" 125
			assert_matches "$stderr" '^conductor: run: '
		fi
		[ ! -e "$(directory_of $c)" ] || fail "after $denied there still is the container" "$stderr"
	done
	[ $tried -gt 0 ]
}
