# shellcheck shell=bash
# What the sweep and the soak compare the world with: the same subjects as leftovers.bash has, but read
# without a process of their own where that can be, since it is done some thousand times.
#
#   make_bystanders      what is not conductor's, and must stay as it is: $BYSTANDER, a process,
#                        a table of nftables, a link, a cgroup and a file
#   look                 puts the world into the variable $world
#   others               the processes that are not in $own_processes into the array of this name
#   settle WORLD         waits until it is so again; 1 and the difference in $difference when not

own_processes=" " # that were there at the beginning, " PID PID "

make_bystanders() {
	local tree
	sleep 1000000 &
	BYSTANDER=$!
	for tree in "${cgroup_trees[@]}"; do
		mkdir -p "$tree/bystander"
	done
	echo bystander >"$CONDUCTOR_ROOT/../bystander"
	if command -v nft >/dev/null; then
		nft -f - <<-'END'
			table ip bystander {
				set known { type ipv4_addr; elements = { 198.51.100.1, 198.51.100.2 }; }
				chain input { type filter hook input priority 0; ip saddr @known accept; }
			}
		END
	fi
	if command -v ip >/dev/null; then
		ip link add bystander type veth peer name bystander2
	fi
}

remove_bystanders() {
	local tree
	for tree in "${cgroup_trees[@]}"; do
		rmdir "$tree/bystander"
	done
	kill "$BYSTANDER"
	! command -v nft >/dev/null || nft delete table ip bystander
	! command -v ip >/dev/null || ip link delete bystander
}

# The trees in which conductor makes cgroups; none for an ordinary user, who may not.
find_cgroup_trees() {
	mapfile -t cgroup_trees < <(awk '{
		for (i = 7; $i != "-"; i++) continue
		if ($(i + 1) == "cgroup2") print $5
		else if ($(i + 1) == "cgroup" && $(i + 3) ~ /(^|,)(cpu|memory|pids)(,|$)/) print $5
	}' /proc/self/mountinfo | sort -u | while read -r tree; do
		[ ! -w "$tree" ] || echo "$tree"
	done)
}

# Another's process that is listed is found by its start, should its pid be used again.
look() {
	local line links="" file
	mapfile -t mounts </proc/self/mountinfo
	while read -r line _; do
		[[ $line != *: ]] || links+="$line "
	done </proc/self/net/dev
	world="links $links
$(</proc/self/net/route)
$(printf 'mount %s\n' "${mounts[@]}")
$(find "${cgroup_trees[@]}" "$CONDUCTOR_ROOT" -mindepth 1 -maxdepth 2 \( -type d -o -path "$CONDUCTOR_ROOT/*" \) | sort)
hosts $(</etc/hosts) $(</etc/resolv.conf)
file $(<"$CONDUCTOR_ROOT/../bystander")
bystander $(<"/proc/$BYSTANDER/cmdline")"
	for file in net/ipv4/ip_forward net/ipv4/conf/all/route_localnet kernel/hostname; do
		world+=$'\n'"$file $(<"/proc/sys/$file")"
	done
	! command -v nft >/dev/null || world+=$'\n'$(nft --stateless list ruleset)
} 2>/dev/null

# Children of this shell, zombies, and the tracer, which ends by itself, are none.
others() {
	local directory pid stat fields cmdline
	others=()
	for directory in /proc/[0-9]*; do
		pid=${directory#/proc/}
		[[ $own_processes != *" $pid "* ]] || continue
		read -r stat <"$directory/stat" || continue
		read -ra fields <<<"${stat##*) }"
		[[ ${fields[0]:-X} != [ZX] && ${fields[1]} != "$$" ]] || continue
		mapfile -d '' cmdline <"$directory/cmdline" || continue
		[[ ${cmdline[0]:-} != "$FAULT" ]] || continue
		others+=("$pid")
	done
} 2>/dev/null

note_own_processes() {
	local directory
	own_processes=" "
	for directory in /proc/[0-9]*; do
		own_processes+="${directory#/proc/} "
	done
}

processes_are_gone() {
	others
	[ ${#others[@]} = 0 ]
}

is_settled() { # WORLD
	processes_are_gone || return
	look
	[ "$world" = "$1" ]
}

# within MS COMMAND...: until it succeeds
within() {
	local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000 * ${TEST_SLOWNESS:-1}))
	shift
	until "$@"; do
		((${EPOCHREALTIME/[.,]/} < end)) || return 1
		sleep 0.005
	done
}

settle() { # WORLD
	local pid
	within 3000 is_settled "$1" && return
	others
	difference=$(diff <(echo "$1") <(echo "$world") | grep '^[<>]' | head -n 8)
	for pid in "${others[@]}"; do
		difference+=$'\n'"process $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
	done
	return 1
}
