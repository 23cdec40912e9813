# shellcheck shell=bash
# shellcheck disable=SC2154 # set by judge.bash
# shellcheck disable=SC2317 # functions are called by their names, from wait_until
# shellcheck disable=SC2016 # the world's shells expand what stands in single quotes
# Task 4 with one conductor: two services, each in its container, and who reaches what.
# matrix_own has the student's conductor, matrix_reference one that is known to be right.

# The services are ours: a directory each, with a run.sh as the shell course has it. A program that
# is made by a Makefile has made its own beside itself.
bring_services() {
	local service file
	[ "$BUILD_4" != make ] || return 0
	for service in counter-service external-service; do
		file=$TOP/task4/$service
		# In a handout of the shell route that is the directory which the student is given.
		[ -f "$file" ] || file=$SERVICES/$service/$service
		# shellcheck disable=SC2016 # the world's shells expand it
		in_world 20 "$DIRECTORY" sh -c 'rm -rf "$1" && mkdir "$1" && cat >"$1/$1" &&
			printf "#!/bin/bash\ncd \"\$(dirname \"\$0\")\" && exec ./%s \"\$@\"\n" "$1" >"$1/run.sh" &&
			chmod 755 "$1/$1" "$1/run.sh"' sh "$service" <"$file" || broken "cannot bring $service"
	done
}

# A shell script finds ./conductor.sh beside itself, any other program is told.
bring_conductor() { # FILE... below the submission
	local file
	for file in "$@"; do
		in_world 10 "$DIRECTORY" sh -c '[ "$(realpath "$1")" = "$(realpath "${1##*/}")" ] ||
			{ rm -rf "${1##*/}" && cp -a "$1" .; }' sh "/submission/$file"
	done
}

number_in() { # FILE: the one that the answer holds, after the target
	sed -n 's/^[^ ]* *[^0-9]*\([0-9][0-9]*\).*/\1/p' "$1" | head -n 1
}

fetch() { # FILE HOPE ENTER... : notes the whole answer and the number
	reach "$@"
	number_in "$EVIDENCE/$1" >"$EVIDENCE/$1.number"
}

# Up when the page answers with a number; or when the orchestrator has given up.
answers() {
	"$WIRE" reach -t 500 "$HOST_ADDRESS:3000/" 2>/dev/null | grep -qE '^[^ ]+ .*[0-9]'
}

# Notes a service as soon as it is there: an orchestrator that fails later takes all down again.
note_service() { # NAME
	[ ! -s "$EVIDENCE/$1/namespaces" ] || return 0 # empty: it ended while it was looked at
	find_program "$1" || return
	note_process "$1" "$FOUND"
	readlink "/proc/$FOUND/root" >"$EVIDENCE/$1/root.path"
	stat -L -c '%d:%i' "/proc/$FOUND/exe" >"$EVIDENCE/$1/exe.file"
	stat -L -c '%d:%i' "/proc/$WORLD_INIT/root/submission/$DIRECTORY/$1"{,/*} >"$EVIDENCE/$1/exe.brought"
} 2>/dev/null

# 0 when both are noted.
note_services() {
	note_service counter-service
	note_service external-service
	[ -s "$EVIDENCE/counter-service/namespaces" ] && [ -s "$EVIDENCE/external-service/namespaces" ]
}

orchestrate() {
	launch orchestrator "$SECONDS_4" "$DIRECTORY" env CONDUCTOR="$CONDUCTOR_FOR_4" "$PROGRAM" up
	local runner=${background[-1]}
	noted_or_gone() {
		note_services
		gone "$runner"
	}
	SLOWNESS=1 wait_until "$SECONDS_4" noted_or_gone
	wait "$runner"
	echo $? >"$EVIDENCE/orchestrator.status"
	tail -n 60 "$EVIDENCE/orchestrator.out" >>"$EVIDENCE/log"
	# What it started may need a moment more than itself. After that, who is silent stays so.
	up_or_undone() { answers || { [ "$(<"$EVIDENCE/orchestrator.status")" != 0 ] && ! find_program external-service; }; }
	wait_until 10 up_or_undone
	wait_until 3 note_services # the page may have been somebody else's
	hope=silence
	! answers || hope=answer
}

judge_matrix() {
	if find_program external-service; then
		external=$FOUND
		find_program counter-service && counter_address=$(address_of "$FOUND")
		[ -z "${counter_address:-}" ] ||
			reach external.to_counter answer in_network "$external" -- "$counter_address:8080/get_counter"
	fi
	fetch host.1 "$hope" -- "$HOST_ADDRESS:3000/"
	fetch host.2 "$hope" -- "$HOST_ADDRESS:3000/"
	fetch outside.1 "$hope" outside -- "$HOST_ADDRESS:3000/"
	fetch outside.2 "$hope" outside -- "$HOST_ADDRESS:3000/"
	reach outside.counter silence outside -- "$HOST_ADDRESS:8080/get_counter"
}
