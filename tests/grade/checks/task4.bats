#!/usr/bin/env bats
# Task 4: two services, each in its container. $MATRIX says whose conductor it was done with:
# matrix_own or matrix_reference.
# shellcheck disable=SC2154 # E is check.bash's

load check

setup() {
	from "$MATRIX" orchestrator.out
}

# in_container LABEL: all that run makes new.
in_container() {
	local kind
	has "$1/namespaces" || return
	saw "$(tr '\n' ' ' <"$E/$1/namespaces")"
	for kind in pid net mnt; do
		[ "$(namespace "$1" $kind)" != "$(namespace host $kind)" ] || return
	done
}

@test "4.counter" {
	expect "counter-service runs in PID, network and mount namespaces that aren't the host's"
	in_container counter-service
}

@test "4.external" {
	expect "external-service runs in such namespaces, too, and not in counter-service's"
	in_container external-service
	[ "$(namespace external-service net)" != "$(namespace counter-service net)" ]
	[ "$(namespace external-service mnt)" != "$(namespace counter-service mnt)" ]
}

@test "4.files" {
	expect "each program's file lies in its own container's root directory, and is another file than the one that was brought"
	local service root
	for service in counter-service external-service; do
		has $service/root $service/root.path $service/exe.file
		root=$(content $service/root.path)
		saw "$service: $(content $service/exe) in root $root"
		if grep -qxF "$(content $service/exe.file)" "$E/$service/exe.brought"; then
			saw "which is the host's own file"
			return 1
		fi
		[ "$(content $service/root)" != "$(content host/root)" ]
		[[ $(content $service/exe) == "${root%/}"/* ]]
	done
}

@test "4.peer" {
	expect "the counter's port 8080 answers in external-service's network"
	answered external.to_counter '[0-9]+'
}

@test "4.host" {
	expect "http://HOST:3000 answers with a number that counts, on the host itself"
	counted host
}

@test "4.outside" {
	expect "http://HOST:3000 answers with a number that counts, on another machine"
	counted outside
}

@test "4.counts" {
	local numbers
	expect "four answers, each one further than the one before"
	has host.1.number host.2.number outside.1.number outside.2.number
	numbers=$(cat "$E"/host.{1,2}.number "$E"/outside.{1,2}.number | tr '\n' ' ')
	saw "$numbers"
	awk '{ for (i = 2; i <= 4; i++) if ($i != $(i - 1) + 1) exit 1 }' <<<"$numbers"
}

@test "4.hidden" {
	expect "no answer at the host's port 8080 on another machine"
	unanswered outside.counter
}
