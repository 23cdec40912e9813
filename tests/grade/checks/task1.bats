#!/usr/bin/env bats
# Task 1: what the witness saw of namespace_prog and its two children.
# shellcheck disable=SC2154,SC2016 # E is check.bash's; jq's variables stand in single quotes

load check

setup() {
	from task1 output witness.txt witness.svg
}

# The parent is the process that became namespace_prog. Child 1 is the first that was born as PID 1 of
# a PID namespace, else the first at all; child 2 the one born in child 1's after it, else the next.
# $before is the parent as it was when child 1 was born: later it may be elsewhere, which is 1.parent's matter.
PEOPLE='
first_of("namespace_prog") as $parent
| (since_exec($parent; "namespace_prog")) as $lived
| (descendants($parent.n)) as $all
| ([$all[] | select((born.pids | last) == 1 and born.namespaces.pid != $lived[0].namespaces.pid)][0] // $all[0]) as $child1
| ([$all[] | select(.n != $child1.n and born.namespaces.pid == $child1.states[0].namespaces.pid
		and born.namespaces.pid != $lived[0].namespaces.pid)][0]
	// [$all[] | select(.n != $child1.n)][0]) as $child2
| ([$lived[] | select(.us <= $child1.born_us)] | last) as $before | '

people() { # PROGRAM [JQ-ARGUMENT...]
	local program=$1
	shift
	witnessed "$PEOPLE $program" "$@"
}

host_name() {
	content host/hostname
}

@test "1.build" {
	expect "gcc (or make) makes namespace_prog, and it ends by itself"
	has build.status
	if [ "$(content build.status)" != 0 ]; then
		saw "it does not compile: $(grep -m 3 -E 'error|undefined|No rule' "$E/log" || tail -n 3 "$E/log")"
		return 1
	fi
	has witness.json
	saw "$(witnessed 'first_of("namespace_prog") // {} | .exit // "it was not started, or did not end" | tostring')"
	[ "$(witnessed 'first_of("namespace_prog").exit | has("status")')" = true ]
}

@test "1.pidns" {
	expect "child 1 has the pid 1 in a PID namespace other than its parent's"
	has witness.json
	saw "$(people 'if $child1 then "its pids are \($child1 | born.pids), its PID namespace \($child1 | born.namespaces.pid), the parent is in \($lived[0].namespaces.pid)" else "no child was born" end')"
	[ "$(people '$child1 != null and ($child1 | born.pids | last) == 1 and ($child1 | born.namespaces.pid) != $lived[0].namespaces.pid')" = true ]
}

@test "1.utsns" {
	expect "child 1's UTS namespace is another than its parent's was when child 1 was born"
	has witness.json
	saw "$(people 'if $child1 then "child 1 is in \($child1 | ended.namespaces.uts), its parent was in \($before.namespaces.uts)" else "no child was born" end')"
	[ "$(people '$child1 != null and ($child1 | ended.namespaces.uts) != $before.namespaces.uts')" = true ]
}

@test "1.hostname" {
	expect "in child 1's UTS namespace the hostname is Child1Hostname"
	has witness.json
	saw "$(people '$child1 | ended.hostname')"
	[ "$(people '$child1 | ended.hostname')" = Child1Hostname ]
}

@test "1.parent" {
	expect "the parent is in the namespaces that it began in, and its hostname is still $(host_name)"
	has witness.json hostname.after
	saw "$(people '[$lived[] | {pid: .namespaces.pid, uts: .namespaces.uts, hostname}] | unique | map("PID \(.pid), UTS \(.uts), \(.hostname)") | join("; ")'); afterwards $(content hostname.after)"
	[ "$(content hostname.after)" = "$(host_name)" ]
	[ "$(people '[$lived[] | .hostname] | unique | . == [$name]' --arg name "$(host_name)")" = true ]
	[ "$(people '[$lived[] | [.namespaces.pid, .namespaces.uts]] | unique | length')" = 1 ]
}

@test "1.child2" {
	expect "child 2 has the pid 2 in child 1's PID namespace ($(people '$child1 | born.namespaces.pid'))"
	has witness.json
	saw "$(people 'if $child2 then "its pids are \($child2 | born.pids), its PID namespace \($child2 | born.namespaces.pid)" else "no second child was born" end')"
	[ "$(people '$child2 != null and ($child2 | born.namespaces.pid) == ($child1 | born.namespaces.pid) and ($child2 | born.pids | last) == 2')" = true ]
}

@test "1.joined" {
	expect "child 2 joins child 1's UTS namespace ($(people '$child1 | ended.namespaces.uts'))"
	has witness.json
	saw "$(people '$child2 | "it ends in \(ended.namespaces.uts)"')"
	[ "$(people '($child2 | ended.namespaces.uts) == ($child1 | ended.namespaces.uts)')" = true ]
}

# The lines of the assignment, with the pid that the kernel gave the parent there.
expected_output() {
	local line=---------------------------------------- pid
	pid=$(people '$parent.pids | last')
	parent() { printf '%s\nParent Process PID: %s\nParent Hostname: %s\n' $line "$pid" "$(host_name)"; }
	child() { printf '%s\nChild%s Process PID: %s\nChild%s Hostname: Child1Hostname\n' $line "$1" "$1" "$1"; }
	parent
	child 1
	parent
	child 2
	parent
	echo $line
}

@test "1.output" {
	expect "$(expected_output)"
	has output
	saw "$(tr -d '\r' <"$E/output" | head -n 40)"
	[ "$(tr -d '\r' <"$E/output")" = "$(expected_output)" ]
}
