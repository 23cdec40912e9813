#!/usr/bin/env bats
# Task 2: what the witness saw of container_prog, once a subtask.
# shellcheck disable=SC2154,SC2016 # E is check.bash's; jq's variables stand in single quotes

load check

setup() {
	from task2 output witness.txt witness.svg
}

# $probe is the process that became `container_prog subtaskN`, $at its state then.
probe() { # N PROGRAM [JQ-ARGUMENT...]
	local program=$2 n=$1
	shift 2
	witnessed 'def is_probe: .event == "exec" and (.exe | base) == "container_prog" and any(.argv[]; . == $subtask);
		first(.processes[] | select(any(.states[]; is_probe))) as $probe
		| ([$probe.states[] | select(is_probe)] | last) as $at | . as $all | '"$program" --arg subtask "subtask$n" "$@"
}

# runs_in_own_root N
runs_in_own_root() {
	local root
	root=$(content host/root)
	expect "container_prog subtask$1 is executed in a root directory other than the host's"
	has witness.json
	saw "$(probe "$1" '"\($at.exe), its root is \($at.root)"' | grep . || echo "it was never executed; the output ends: $(tail -n 3 "$E/output")")"
	[ -n "$(probe "$1" '$at.root')" ]
	[ "$(probe "$1" '"\($at.root_mount.dev):\($at.root_mount.ino)"')" != "$root" ]
}

# own_kind N KIND NAME: the probe's at its exec, and that of the script which it comes from.
own_kind() {
	expect "container_prog subtask$1 is in a $3 namespace of its own"
	has witness.json
	saw "$(probe "$1" '"it is in \($at.namespaces[$kind]), the host in \($host)"' --arg kind "$2" --arg host "$(namespace host "$2")")"
	[ "$(probe "$1" '"\($kind):[\($at.namespaces[$kind])]"' --arg kind "$2")" != "$(namespace host "$2")" ]
}

@test "2a.run" {
	runs_in_own_root 1
}

@test "2a.root" {
	expect "nothing of the host's own directories (home, root, var ...) in it"
	has witness.json
	saw "$(probe 1 '$at.root_entries | join(" ")')"
	[ "$(probe 1 '$at.root_entries - ["home", "root", "boot", "var", "srv", "opt", "mnt", "media"] == $at.root_entries')" = true ]
}

@test "2a.cwd" {
	expect "after chroot comes chdir: the working directory lies below the root"
	has witness.json
	saw "$(probe 1 '"root \($at.root), working directory \($at.cwd)"')"
	[ "$(probe 1 '$at.root as $root | $at.cwd == $root or ($at.cwd | startswith($root + "/"))')" = true ]
}

@test "2b.run" {
	runs_in_own_root 2
}

@test "2b.pidns" {
	own_kind 2 pid PID
	expect "and is PID 1 there"
	saw "its pids are $(probe 2 '$at.pids | tostring')"
	[ "$(probe 2 '$at.pids | last')" = 1 ]
}

@test "2b.child" {
	expect "container_prog's child has the pid 2 in its namespace"
	has witness.json
	saw "$(probe 2 '[$all.processes[] | select(.parent == $probe.n) | "pids \(born.pids)"] | join("; ")')"
	[ "$(probe 2 'any($all.processes[]; .parent == $probe.n and (born.pids | last) == 2 and born.namespaces.pid == $at.namespaces.pid)')" = true ]
}

@test "2b.utsns" {
	own_kind 2 uts UTS
}

@test "2b.host" {
	expect "the host is still called $(content host/hostname)"
	has hostname.after
	saw "$(content hostname.after)"
	[ "$(content hostname.after)" = "$(content host/hostname)" ]
}

@test "2c.cgroup" {
	expect "container_prog subtask3 is in another cgroup than the shell that started all"
	has witness.json
	saw "$(probe 3 '"it is in \($at.cgroup | join(" ")), the shell in \($all.processes[0].states[0].cgroup | join(" "))"')"
	[ "$(probe 3 '($at.cgroup | map(select(startswith("0::")))) != ([$all.processes[] | select(.n != $probe.n) | select(any(.states[]; .event == "exec" and (.exe | base | startswith("simple_container") or . == "bash" or . == "sh" or . == "dash")))][0] | ended.cgroup | map(select(startswith("0::"))))')" = true ]
}

@test "2c.limit" {
	expect "cpu.max allows half of its period, such as 500000 1000000"
	has witness.json
	saw "cpu.max is $(probe 3 '$at.limits["cpu.max"] // "not there"')"
	[ "$(probe 3 '$at.limits["cpu.max"] | split(" ") | (.[0] | tonumber) * 2 == (.[1] | tonumber)')" = true ]
}

@test "2c.effect" {
	expect "throttled at least once, and at most 0.7 of one core over its life"
	has witness.json
	saw "$(probe 3 '$probe | ended as $last | "throttled \($last.cpu.nr_throttled // 0) times, \(($last.cpu.usage_usec // 0) / ($last.us - $at.us) * 100 | round / 100) of one core"')"
	[ "$(probe 3 '$probe | ended as $last | $last.cpu.nr_throttled > 0 and $last.cpu.usage_usec / ($last.us - $at.us) <= 0.7')" = true ]
}

@test "2c.gone" {
	expect "no cgroup that wasn't there before"
	has cgroups.before
	saw "$(comm -13 "$E/cgroups.before" "$E/cgroups.after" | tr '\n' ' ')"
	cmp -s "$E/cgroups.before" "$E/cgroups.after"
}
