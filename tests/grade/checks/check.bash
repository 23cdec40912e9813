# shellcheck shell=bash
# What a check is made of. Each is a bats test named by its id in the rubric; it judges files below
# $EVIDENCE, which a scenario has written, and leaves for the result in $FINDINGS/ID:
#     expected: ...        one line each, in a student's words
#     seen: ...
#     evidence: PATH       below $EVIDENCE
# It passes when its last command does. A file that isn't there means that the scenario never came so
# far: the check fails, and says where the scenario stopped.
# shellcheck disable=SC2034,SC2016 # set here, read in the checks; jq's variables stand in single quotes

# from SCENARIO [FILE...]: which evidence it judges.
from() {
	local file
	SCENARIO=$1
	E=$EVIDENCE/$1
	shift
	for file in log "$@"; do
		[ ! -e "$E/$file" ] || note evidence "$SCENARIO/$file"
	done
}

note() { # WORD TEXT
	printf '%s: %s\n' "$1" "${2//$'\n'/ | }" >>"$FINDINGS/$BATS_TEST_DESCRIPTION"
}

expect() { # TEXT
	note expected "$1"
}

saw() { # TEXT
	note seen "$1"
}

# has FILE...: that the scenario came so far.
has() {
	local file
	for file in "$@"; do
		[ ! -s "$E/$file" ] || continue
		saw "never came so far; the last of the log: $(tail -n 3 "$E/log" 2>/dev/null)"
		return 1
	done
}

content() { # FILE, or nothing where it isn't there
	[ ! -e "$E/$1" ] || echo "$(<"$E/$1")"
}

# --- processes that the judge noted -------------------------------------------------------------

namespace() { # LABEL KIND
	local kind inode
	[ -e "$E/$1/namespaces" ] || return 0
	while read -r kind inode; do
		[ "$kind" != "$2" ] || echo "$inode"
	done <"$E/$1/namespaces"
}

# own_spaces LABEL: its namespaces, but those that are the host's. Sorted, as they were noted.
own_spaces() {
	grep -vxFf "$E/host/namespaces" "$E/$1/namespaces" 2>/dev/null
}

# The last of a process' pids: the one that it has for itself.
own_pid() { # LABEL
	awk '{ print $NF }' "$E/$1/pids"
}

# own_namespace LABEL KIND NAME: not the host's.
own_namespace() {
	expect "$3 of its own, not the host's ($(namespace host "$2"))"
	has "$1/namespaces" || return
	saw "$(namespace "$1" "$2")"
	[ -n "$(namespace "$1" "$2")" ] && [ "$(namespace "$1" "$2")" != "$(namespace host "$2")" ]
}

# same_namespace LABEL OTHER KIND NAME
same_namespace() {
	expect "the container's $4 ($(namespace "$2" "$3"))"
	has "$1/namespaces" "$2/namespaces" || return
	saw "$(namespace "$1" "$3")"
	[ "$(namespace "$1" "$3")" = "$(namespace "$2" "$3")" ]
}

# --- packets ------------------------------------------------------------------------------------

# answered FILE PATTERN: somebody did, and the right one.
answered() {
	has "$1" || return
	saw "$(content "$1")"
	grep -qE "^[^ ]+ $2" "$E/$1"
}

# counted WHERE: two answers with numbers that differ. A page that says 404 has one, too.
counted() {
	answered "$1.1" '.*[0-9]+' || return
	saw "$(content "$1.2")"
	[ -s "$E/$1.2.number" ] && [ "$(content "$1.1.number")" != "$(content "$1.2.number")" ]
}

unanswered() { # FILE
	has "$1" || return
	saw "$(content "$1")"
	grep -qE '^[^ ]+ (silent|unreachable|refused)$' "$E/$1"
}

# --- what the witness saw -----------------------------------------------------------------------

# A jq program over the witness' record, with WITNESS_JQ before it.
witnessed() { # PROGRAM [JQ-ARGUMENT...]
	local program=$1
	shift
	jq -r "$@" "$WITNESS_JQ $program" "$E/witness.json" 2>/dev/null
}

WITNESS_JQ='
def base: split("/") | last;
def executed($name): any(.states[]; .event == "exec" and (.exe | base) == $name);
def first_of($name): first(.processes[] | select(executed($name)));
def since_exec($process; $name): [$process.states[]]
	| .[(map(.event == "exec" and (.exe | base) == $name) | index(true)):];
def descendants($n): . as $all
	| [$n] | until(. as $set | [$all.processes[] | select(.parent as $p | $set | index($p)) | .n] - $set == [];
		. as $set | . + ([$all.processes[] | select(.parent as $p | $set | index($p)) | .n] - $set))
	| . as $set | [$all.processes[] | select(.n as $m | $set | index($m)) | select(.n != $n)];
def born: .states[0];
def ended: .states[-1];
'
