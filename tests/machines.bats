#!/usr/bin/env bats
# Of tests/vm what needs no virtual machine: table, which makes README's table, kernel and run.
# shellcheck disable=SC2154 # bats's run sets output, stderr and lines

load helpers

TABLE=$TOP/tests/vm/table

setup_file() {
	require_lab
}

# --- the table ----------------------------------------------------------------------------------

write_logs() {
	cat >"$BATS_TEST_TMPDIR/a.log" <<-'END'
		== root on pure cgroup v2: tests/run task1
		This machine, for root:
		preflight: 6.1.0-57-cloud-amd64; cgroup v2; root; lacks nothing
		  5 passed, 0 failed, 0 skipped in 3 s
		7 passed, 0 failed, 0 skipped
		vm: section root on pure cgroup v2: 7 passed, 0 failed, 0 skipped
		preflight: 6.1.0-57-cloud-amd64; cgroup v2; user; lacks limits
		4 passed, 0 failed, 3 skipped
		vm: done
	END
	cat >"$BATS_TEST_TMPDIR/b.log" <<-'END'
		preflight: 6.18.44; hybrid cgroups; root; lacks nothing
		9 passed, 0 failed, 1 skipped
		preflight: 5.10.0-30-amd64; cgroup v2; root; lacks overlayfs
		8 passed, 1 failed, 0 skipped
		preflight: 6.1.0-99-amd64; cgroup v2; root; lacks nothing
		8 passed, 0 failed, 0 skipped
	END
}

@test "table: a row for each kernel, cgroup version and privilege, by version, with what is lacking" {
	write_logs
	run -0 "$TABLE" "$BATS_TEST_TMPDIR"/{a,b}.log
	assert_equal "$(printf '%s\n' "${lines[@]:2}")" "$(printf '%s\n' \
		'| 5.10 | cgroup v2 | root | no | overlayfs |' \
		'| 6.1 | cgroup v2 | root | yes | nothing |' \
		'| 6.1 | cgroup v2 | user | yes | limits |' \
		'| 6.18 | hybrid cgroups | root | yes | nothing |')"
}

@test "table: one failure in any of its blocks makes a row a no, and so do suites of which none passed" {
	write_logs
	printf '%s\n' 'preflight: 6.1.7; cgroup v2; root; lacks nothing' '8 passed, 1 failed, 0 skipped' \
		'preflight: 6.18.0; hybrid cgroups; root; lacks nothing' '0 passed, 0 failed, 5 skipped' \
		>"$BATS_TEST_TMPDIR/c.log"
	run -0 "$TABLE" "$BATS_TEST_TMPDIR"/{a,b,c}.log
	assert_line '| 6.1 | cgroup v2 | root | no | nothing |'
	assert_line '| 6.18 | hybrid cgroups | root | no | nothing |'
}

@test "table: --write puts it between README's marks, and --check sees a row that isn't there" {
	write_logs
	mkdir -p "$BATS_TEST_TMPDIR/tree/tests/vm"
	cp "$TABLE" "$BATS_TEST_TMPDIR/tree/tests/vm"
	cd "$BATS_TEST_TMPDIR/tree" || return
	printf '%s\n' before '<!-- by tests/vm/table: -->' old '<!-- end -->' after >README.md
	tests/vm/table --write ../a.log
	assert_equal "$(sed -n '1,2p; 7,$p' README.md)" \
		"$(printf '%s\n' before '<!-- by tests/vm/table: -->' '<!-- end -->' after)"
	tests/vm/table --check ../a.log
	run -1 tests/vm/table --check ../a.log ../b.log
	assert_line "not ok README.md lacks the row | 6.18 | hybrid cgroups | root | yes | nothing | (tests/vm/table --write)"

	# Rows of other machines stay; those of the same machine are what they are now.
	tests/vm/table --write ../b.log
	assert_equal "$(sed -n '5,$p' README.md)" "$(printf '%s\n' \
		'| 5.10 | cgroup v2 | root | no | overlayfs |' \
		'| 6.1 | cgroup v2 | root | yes | nothing |' \
		'| 6.1 | cgroup v2 | user | yes | limits |' \
		'| 6.18 | hybrid cgroups | root | yes | nothing |' '<!-- end -->' after)"
	sed -i 's/^7 passed, 0 failed/6 passed, 1 failed/' ../a.log
	tests/vm/table --write ../a.log
	assert_equal "$(grep -F '| 6.1 |' README.md)" "$(printf '%s\n' \
		'| 6.1 | cgroup v2 | root | no | nothing |' '| 6.1 | cgroup v2 | user | yes | limits |')"
}

@test "table: without a log, and with logs that make no row, it fails and README stays" {
	mkdir -p "$BATS_TEST_TMPDIR/tree/tests/vm"
	cp "$TABLE" "$BATS_TEST_TMPDIR/tree/tests/vm"
	cd "$BATS_TEST_TMPDIR/tree" || return
	printf '%s\n' '<!-- by tests/vm/table: -->' '| 6.1 | cgroup v2 | root | yes | nothing |' '<!-- end -->' |
		tee README.md >before
	echo 'preflight: 6.1.0; cgroup v2; root; lacks nothing' >cut-short.log
	# A machine that was ended after its first section.
	printf '%s\n' 'preflight: 6.1.0; cgroup v2; root; lacks nothing' '0 passed, 1 failed, 0 skipped' \
		'vm: section root: 0 passed, 1 failed, 0 skipped' 'preflight: 6.1.0; cgroup v2; user; lacks limits' >ended.log
	for mode in '' --write --check; do
		run -1 --separate-stderr tests/vm/table $mode
		assert_matches "$stderr" "^tests/vm/table: .*/build/vm/\*/results.log: no such log \\(try: make test-vm\\)\$"
		run -1 --separate-stderr tests/vm/table $mode cut-short.log ended.log
		assert_equal "$stderr" "tests/vm/table: no machine in these logs came to its end"
		assert_equal "$output" ""
	done
	cmp README.md before
	write_logs
	run -0 tests/vm/table ended.log ../a.log
	assert_line '| 6.1 | cgroup v2 | root | yes | nothing |'
}

# --- the kernel ---------------------------------------------------------------------------------

@test "vm kernel: where there is none yet, one comes from Debian 12 or newer only" {
	requires machine_root unshare
	cd "$BATS_TEST_TMPDIR" || return
	printf '%s\n' ID=ubuntu VERSION_ID=24.04 'PRETTY_NAME="Ubuntu 24.04.1 LTS"' >os-release
	run -1 --separate-stderr unshare --mount \
		sh -c "mount --bind os-release /etc/os-release && exec '$TOP/tests/vm/kernel' kernels"
	assert_equal "$stderr" "tests/vm/kernel: needs Debian 12 or newer, this is Ubuntu 24.04.1 LTS"
	mkdir -p kernels/linux-image-1
	touch kernels/linux-image-1/complete
	run -0 "$TOP/tests/vm/kernel" kernels
	assert_equal "$output" "$PWD/kernels/linux-image-1"
}

@test "vm kernel: of two machines that fetch it at once, the second takes the first one's" {
	grep -qx ID=debian /etc/os-release || skip "needs Debian"
	cd "$BATS_TEST_TMPDIR" || return
	local package=linux-image-1.2.3 kernel=$PWD/kernels/others/linux-image-1.2.3/linux-image-1.2.3
	mkdir bin
	printf '#!/bin/sh\n' | tee bin/apt-cache >bin/depmod
	printf '#!/bin/sh\ntouch it.deb; mkdir -p %s; touch %s/complete\n' "$kernel" "$kernel" >bin/apt-get
	# shellcheck disable=SC2016 # that script expands it
	printf '#!/bin/sh\nmkdir -p "$3/boot" "$3/lib/modules/1.2.3"\n' >bin/dpkg-deb
	chmod 755 bin/*
	VM_KERNEL=$package PATH=$PWD/bin:$PATH run -0 "$TOP/tests/vm/kernel" kernels
	assert_equal "$output" "$kernel"
	assert_equal "$(ls "$kernel")" complete
	assert_equal "$(ls "$(dirname "$kernel")")" $package
}

# --- the machines -------------------------------------------------------------------------------

# A copy, so that none of the tree's machines is touched.
copy_machines() {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir -p tree/tests
	cp -r "$TOP/tests/vm" tree/tests/
	bash -c '. tree/tests/vm/lib.bash && check_machine' >/dev/null 2>&1 || skip "what a machine needs is not installed"
}

@test "vm run: words that a machine can't take are a wrong call, and nothing runs" {
	local call
	copy_machines
	for call in "2 task1" "5 task1" "5 1 2" "1,4 task1" "6"; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr tree/tests/vm/run $call
		assert_contains "$stderr" "usage: tests/vm/run"
		assert_equal "$output" ""
	done
	assert_equal "$(ls tree/build/vm)" ""
}

@test "vm run: a kernel that is not to be had is skipped and told, and looking around in it has failed" {
	copy_machines
	# No such package, and no network.
	export VM_KERNEL=linux-image-none-such
	grep -qx ID=debian /etc/os-release || skip "needs Debian"
	run -1 --separate-stderr tree/tests/vm/run 4
	assert_line "ok 1 linux-image-none-such # SKIP no package linux-image-none-such (try: sudo apt-get update)"
	assert_equal "${lines[-1]}" "0 passed, 0 failed, 1 skipped"
	run -1 --separate-stderr tree/tests/vm/run 1 -- true
	assert_contains "$stderr" "tests/vm/run: no kernel linux-image-none-such"
}

@test "vm run: machine 3 runs in the lab what isn't of tests/vm" {
	copy_machines
	# Instead of booting it, the machine's script is printed.
	run -0 bash -c '. tree/tests/vm/lib.bash; . tree/tests/vm/machines/3-no_root; boot_course() { cat; }; machine "$@"' \
		machine task1 tests/vm/forbidden.bats stop
	assert_line "section \"an ordinary user\" as_student tests/run 'task1' 'stop'"
	assert_line "section \"an ordinary user outside of the lab\" as_student tests/run --outside 'tests/vm/forbidden.bats'"
	assert_equal "${lines[-1]}" 'echo "vm: done"'
}
