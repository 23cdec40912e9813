# shellcheck shell=bash
# What the suites of networks share, on top of helpers.bash: containers, listeners and packets. Only
# the assignment's own command line is used here, so that any conductor can stand behind it.
#
#   inside NAME COMMAND...          runs it in a container
#   equip NAME...                   puts tests/tools/wire into it, as /wire
#   serve_in NAME PORT...           TCP servers, in a container, here (the host) or outside (the lab's
#   serve_here|outside LABEL PORT...     internet side): they answer "NAME SOURCE-ADDRESS"
#   from NAME TARGET...             who answers, tried from a container, from here or from outside:
#   from_here|outside TARGET...          a line for each, "TARGET NAME SOURCE-ADDRESS", or "TARGET silent"
#   hear_in NAME, hear_here|outside LABEL PORT, heard LABEL    UDP
#   address_of NAME, host_end_of NAME, links_of, routes_of, is_up     what the kernel knows
#   end_background, assert_nothing_left     for teardown

WIRE=${WIRE:-$TOP/tests/tools/wire}
SILENCE_MS=$((150 + 50 * ${TEST_SLOWNESS:-1})) # a kernel that wants to connects in 1; programs have longer
background=()

# --- containers ---------------------------------------------------------------------------------

inside() { # NAME COMMAND...
	"$CONDUCTOR" exec "$1" -- "${@:2}"
}

equip() { # NAME...
	local name
	for name in "$@"; do
		inside "$name" sh -c 'cat >/wire && chmod 755 /wire' <"$WIRE"
	done
}

# As assert_world_unchanged; but what a test left behind is no failure of the tests after it.
assert_nothing_left() {
	if ! assert_world_unchanged; then
		rm -rf "$WORLD_BEFORE"
		cp -r "${WORLD_BEFORE%.before}.after" "$WORLD_BEFORE"
		return 1
	fi
}

# --- TCP ----------------------------------------------------------------------------------------

# The command's output goes to LABEL.out; it is up when its first line, "ready", is there.
in_background() { # LABEL COMMAND...
	local out=$BATS_TEST_TMPDIR/$1.out
	: >"$out"
	"${@:2}" >"$out" 2>&1 3>&- &
	background+=($!)
	wait_until 5 grep -qx ready "$out" || fail "$(cat "$out")"
}

end_background() {
	local pid
	for pid in "${background[@]}"; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" || :
	done
	background=()
}

serve_in() { # NAME PORT...
	in_background "serve.$1" inside "$1" /wire serve "$@"
}

serve_here() { # LABEL PORT...
	in_background "serve.$1" "$WIRE" serve "$@"
}

serve_outside() { # LABEL PORT...
	in_background "serve.$1" "$LAB" internet -- "$WIRE" serve "$@"
}

from() { # NAME TARGET...
	inside "$1" /wire reach -t "$SILENCE_MS" "${@:2}"
}

from_here() { # TARGET...
	"$WIRE" reach -t "$SILENCE_MS" "$@"
}

from_outside() { # TARGET...
	"$LAB" internet -- "$WIRE" reach -t "$SILENCE_MS" "$@"
}

# --- UDP ----------------------------------------------------------------------------------------
# Absence needs no waiting: send what must not arrive, then what must, on the same way; when the
# latter is there, the former would be.

hear_in() { # NAME PORT
	in_background "hear.$1" inside "$1" /wire hear "$2"
}

hear_here() { # LABEL PORT
	in_background "hear.$1" "$WIRE" hear "$2"
}

hear_outside() { # LABEL PORT
	in_background "hear.$1" "$LAB" internet -- "$WIRE" hear "$2"
}

# What was heard up to the word "last", a line each, once it is there.
heard() { # LABEL
	wait_until 5 grep -q ' last$' "$BATS_TEST_TMPDIR/hear.$1.out" || cat "$BATS_TEST_TMPDIR/hear.$1.out" >&2
	sed 1d "$BATS_TEST_TMPDIR/hear.$1.out"
}

# --- what the kernel knows ----------------------------------------------------------------------
# "" for NAME: the host.

file_of() { # NAME FILE
	if [ -n "$1" ]; then
		inside "$1" cat "$2"
	else
		cat "$2"
	fi
}

links_of() { # NAME
	file_of "$1" /proc/net/dev | sed -n 's/^ *\([^:]*\):.*/\1/p' | sort
}

# From 8 hexadecimal digits as /proc/net/route has them, in the machine's order of bytes.
decode_address() { # HEX
	local number=$((16#$1))
	if [ "$(printf '\1\0' | od -An -t d2 | tr -d ' ')" = 1 ]; then
		echo "$((number & 255)).$((number >> 8 & 255)).$((number >> 16 & 255)).$((number >> 24))"
	else
		echo "$((number >> 24)).$((number >> 16 & 255)).$((number >> 8 & 255)).$((number & 255))"
	fi
}

# "DESTINATION/MASK GATEWAY LINK", a line each.
routes_of() { # NAME
	local link destination gateway rest
	file_of "$1" /proc/net/route | sed 1d | while read -r link destination gateway rest; do
		read -r _ _ _ _ mask _ <<<"$rest"
		echo "$(decode_address "$destination")/$(decode_address "$mask") $(decode_address "$gateway") $link"
	done | sort
}

# All IPv4 addresses that are its own, but for loopback's.
addresses_of() { # NAME
	file_of "$1" /proc/net/fib_trie | awk '/\|--/ { address = $2 } /32 host LOCAL/ { print address }' |
		grep -v '^127\.' | sort -u
}

address_of() { # NAME
	addresses_of "$1" | head -n 1
}

# The address of the link's other end: what is before its own.
host_end_of() { # NAME
	local address
	address=$(address_of "$1")
	echo "${address%.*}.$((${address##*.} - 1))"
}

# IFF_UP is bit 0 of the flags.
is_up() { # NAME LINK
	(($(file_of "$1" "/sys/class/net/$2/flags") & 1))
}

# The pid, as the host sees it, of PID 1 of the container that runs exactly this command.
init_of() { # COMMAND...
	local directory wanted found
	wanted=$(printf '%s\n' "$@")
	for directory in /proc/[0-9]*; do
		grep -q '^NSpid:.*[[:blank:]]1$' "$directory/status" || continue
		mapfile -d '' found <"$directory/cmdline" || continue
		if [ "$(printf '%s\n' "${found[@]}")" = "$wanted" ]; then
			echo "${directory#/proc/}"
			return
		fi
	done 2>/dev/null
	return 1
}
