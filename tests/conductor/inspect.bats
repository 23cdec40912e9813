#!/usr/bin/env bats
# conductor inspect: all that is known of a container.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# shellcheck disable=SC2086 # $SLEEP is two words

load containers

# The value of a key in what inspect printed.
told() { # KEY
	sed -n "s/^$1=//p" <<<"$output"
}

kernel_says() { # KEY-OF-STATUS PID
	awk -v key="$1:" '$1 == key { print $2 }' "/proc/$2/status"
}

@test "inspect: tells what runs, and what confines it as the kernel has it" {
	local init space
	start_sleep $c
	init=$(pid_of $SLEEP)
	run -0 --separate-stderr "$CONDUCTOR" inspect $c
	assert_equal "$(told name) $(told image) $(told status) $(told pid)" "$c base running $init"
	assert_equal "$(told command)" "$SLEEP"
	for space in cgroup ipc mnt net pid user uts; do
		assert_equal "$space:[$(told ${space}_namespace)]" "$(readlink "/proc/$init/ns/$space")"
	done
	assert_equal "$(told privileged) $(told no_new_privs) $(told system_calls_filtered)" "false true true"
	assert_equal "$(kernel_says NoNewPrivs "$init") $(kernel_says Seccomp "$init")" "1 2"
	# Bits 0, 1, 3 and so on of the kernel's number, less mknod, which depends on the machine.
	assert_equal "$(told capabilities | sed 's/ mknod//')" "chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot audit_write setfcap"
	assert_matches "$(kernel_says CapBnd "$init")" '^00000000a[08]0425fb$'
}

@test "inspect: of a privileged container, all capabilities and no filter" {
	"$CONDUCTOR" run -d --privileged base $c -- $SLEEP
	run -0 --separate-stderr "$CONDUCTOR" inspect $c
	assert_equal "$(told privileged) $(told devices) $(told no_new_privs) $(told system_calls_filtered)" "true host false false"
	assert_contains "$(told capabilities)" sys_admin
	assert_equal "$(kernel_says CapBnd "$(told pid)")" "$(kernel_says CapBnd self)"
}

@test "inspect: of one that has exited, how; and nothing of processes" {
	run -3 "$CONDUCTOR" run base $c -- sh -c 'exit 3'
	run -0 --separate-stderr "$CONDUCTOR" inspect $c
	assert_equal "$(told status) $(told exit_status) $(told pid)" "exited 3 "
}

@test "inspect: of a network, what addnetwork and peer made" {
	start_sleep $c
	"$CONDUCTOR" addnetwork $c -i -e 80-8080 -e 81-8081
	run -0 --separate-stderr "$CONDUCTOR" inspect $c
	assert_equal "$(told internet) $(told published) $(told peers)" "true 80-8080 81-8081 "
	assert_contains "$("$CONDUCTOR" exec $c -- cat /proc/net/fib_trie)" "$(told address)"
	assert_contains "$(ls /sys/class/net)" "$(told link)"
}

@test "inspect --json: the same as JSON" {
	requires jq
	start_sleep $c
	run -0 --separate-stderr "$CONDUCTOR" inspect $c
	local text=$output
	run -0 --separate-stderr "$CONDUCTOR" inspect --json $c
	assert_equal "$(jq -r 'to_entries[] | "\(.key)=\(.value)"' <<<"$output")" "$text"
}

@test "inspect: a name that there isn't, or that is none" {
	run -1 "$CONDUCTOR" inspect nobody
	assert_equal "$output" "conductor: inspect: nobody: no such container"
	run -2 "$CONDUCTOR" inspect ../x
	assert_equal "${#lines[@]}" 1
}
