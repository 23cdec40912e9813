# shellcheck shell=bash
# shellcheck disable=SC2154 # set by judge.bash
# shellcheck disable=SC2317 # functions are called by their names, from wait_until
# What the scenarios of tasks 3 and 4 share: a conductor, by its command line.
#
#   conductor COMMAND...   with `--` before a container's command, always: getopt would take options
#                          behind it for its own
#   CONDUCTOR_PROGRAM, CONDUCTOR_DIRECTORY   what is started, and where: ./conductor.sh reads config.sh

make_conductor() {
	build_entry 3 || finish
	CONDUCTOR_PROGRAM=$PROGRAM
	CONDUCTOR_DIRECTORY=$DIRECTORY
}

conductor() {
	step "$SECONDS_3" "$CONDUCTOR_DIRECTORY" "$CONDUCTOR_PROGRAM" "$@"
}

build_image() { # IMAGE
	conductor build "$1"
	echo $? >"$EVIDENCE/image.status"
	conductor images
	cp "$EVIDENCE/last.out" "$EVIDENCE/images"
	echo "$1" >"$EVIDENCE/image.name"
}

# Runs `sleep NUMBER` in a container, and waits until that is what its first process is: before, a
# network would be given to a process that has no namespace yet. Leaves the pid, as we see it, in
# FOUND, and 1 when there is none in time.
start_container() { # IMAGE NAME NUMBER
	launch "run.$2" 100000 "$CONDUCTOR_DIRECTORY" "$CONDUCTOR_PROGRAM" run "$1" "$2" -- sleep "$3"
	local runner=${background[-1]}
	found_or_ended() { find_sleep "$3" || gone "$runner"; }
	SLOWNESS=1 wait_until "$SECONDS_3" found_or_ended "$@"
	find_sleep "$3" && return
	{
		tail -n 20 "$EVIDENCE/run.$2.out"
		gone "$runner" && echo "[run has ended]" || echo "[no such process after $SECONDS_3 s]"
	} >>"$EVIDENCE/log"
	return 1
}
