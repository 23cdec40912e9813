# shellcheck shell=bash
# What a test leaves behind. Part of helpers.bash.
#
#   snapshot_world [SUBJECT...]   in setup: notes what the kernel knows of the world, a file a subject
#   assert_world_unchanged        in teardown: fails the test after which that isn't so any more
#
# By the shell alone, as far as it goes: every test does it twice, and processes cost milliseconds.

world_mounts() {
	local lines
	mapfile -t lines </proc/self/mountinfo
	printf '%s\n' "${lines[@]/ - / / }"
}

world_links() {
	local name
	while read -r name _; do
		[[ $name != *: ]] || echo "${name%:}"
	done </proc/self/net/dev
}

world_routes() {
	local link destination gateway mask
	while read -r link destination gateway _ _ _ _ mask _; do
		echo "$link $destination $gateway $mask"
	done </proc/self/net/route
}

world_cgroups() {
	local tree
	[ -v WORLD_TREES ] || find_world_trees
	while IFS= read -r tree; do
		[ -z "$tree" ] || list_directories "$tree"
	done <<<"$WORLD_TREES"
}

list_directories() { # DIRECTORY: all below it
	local directory
	for directory in "$1"/*/ "$1"/.[!.]*/; do
		[ -d "$directory" ] || continue # the pattern itself, or gone
		echo "${directory%/}"
		list_directories "${directory%/}"
	done
}

# Inside the lab all that is its own (v2, and the v1 trees that the course's programs use); outside
# only what is below the cgroups that we are in, and never what we may not write: what others do
# beside us is not ours to judge.
find_world_trees() {
	local mount path all=no
	! in_lab || all=yes
	WORLD_TREES=
	while IFS=$'\t' read -r mount path; do
		[ $all = no ] || path=
		[[ ! -w $mount || $'\n'$WORLD_TREES == *$'\n'$mount${path%/}$'\n'* ]] || WORLD_TREES+=$mount${path%/}$'\n'
	done < <(own_cgroups)
	export WORLD_TREES
}

# The mount of each of these trees, and our cgroup in it.
own_cgroups() {
	awk -v OFS='\t' '
		NR == FNR { # mountinfo
			for (i = 7; $i != "-"; i++) continue
			if ($(i + 1) == "cgroup2") mount[""] = $5
			n = split($(i + 3), option, ",")
			for (j = 1; j <= n && $(i + 1) == "cgroup"; j++) mount[option[j]] = $5
			next
		}
		split($0, part, ":") && part[2] ~ /(^|,)(cpu|cpuacct|memory|pids)(,|$)/ || part[1] == 0 {
			controller = part[2]
			sub(/,.*/, "", controller)
			if (controller in mount)
				print mount[controller], substr($0, length(part[1] part[2]) + 3)
		}' /proc/self/mountinfo /proc/self/cgroup
}

# Without a single child process: that would be in the list. Zombies (their parent's business) and
# the kernel's own threads are not.
world_processes() {
	local directory stat command fields
	for directory in /proc/[0-9]*; do
		{ read -r stat <"$directory/stat"; } || continue
		read -ra fields <<<"${stat##*) }" # field 3 of proc(5), the state, is fields[0]
		[[ ${fields[0]} != Z && $((fields[6] & 0x200000)) = 0 ]] || continue # PF_KTHREAD
		mapfile -d '' command <"$directory/cmdline" || continue
		# bats's own process of the test before, which may live a moment longer
		[[ ${command[*]} != */bats-exec-test\ * || ${command[*]} == *" ${BATS_TEST_NAME:-} "* ]] || continue
		# bats's own watchdog of this test
		[ "${command[*]}" != "sleep ${BATS_TEST_TIMEOUT:-}" ] || continue
		echo "${directory#/proc/} started ${fields[19]}: ${command[*]:-$stat}"
	done 2>/dev/null
}

world_sockets() {
	local file number address state
	for file in /proc/self/net/{tcp,tcp6,udp,udp6}; do
		while read -r number address _ state _; do
			[[ $number != [0-9]* || $file != */udp* && $state != 0A ]] || echo "$file $address"
		done <"$file"
	done 2>/dev/null
}

world_firewall() {
	if command -v nft >/dev/null; then
		nft --stateless list ruleset 2>/dev/null || :
	fi
}

world_settings() {
	local file value
	for file in net/ipv4/ip_forward net/ipv4/conf/all/route_localnet kernel/hostname kernel/core_pattern; do
		value=
		{ read -r value <"/proc/sys/$file"; } 2>/dev/null || :
		echo "$file $value"
	done
}

world_names() {
	local file lines
	for file in /etc/resolv.conf /etc/hosts /etc/hostname; do
		{ mapfile lines <"$file"; } 2>/dev/null || continue
		printf '%s' "${lines[@]}"
	done
}

WORLD="mounts links routes cgroups processes sockets firewall settings names"

world_into() { # DIRECTORY
	local subject
	[ -d "$1" ] || mkdir -p "$1"
	for subject in $WORLD_SUBJECTS; do
		"world_$subject" >"$1/$subject"
	done
}

# snapshot_world [SUBJECT...]: remembers how it is now; all of $WORLD unless subjects are named.
snapshot_world() {
	WORLD_BEFORE=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/world.before
	[ ! -e "$WORLD_BEFORE" ] || rm -rf "$WORLD_BEFORE"
	WORLD_SUBJECTS=${*:-$WORLD}
	find_world_trees
	world_into "$WORLD_BEFORE"
}

# bats forks for a moment at a test's beginning, and may be caught in the first list at that.
forget_ended_bats() { # BEFORE AFTER
	awk 'NR == FNR { still[$0]; next } $0 in still || !/bats-exec-test/' "$2" "$1" >"$1.kept"
	mv "$1.kept" "$1"
}

# The order in which the kernel lists things is none of a test's business.
subject_is_unchanged() { # SUBJECT
	local before=$WORLD_BEFORE/$1 after=${WORLD_BEFORE%.before}.after/$1
	[ "$(<"$before")" != "$(<"$after")" ] || return 0
	[ "$1" != processes ] || forget_ended_bats "$before" "$after"
	[ "$(sort "$before")" = "$(sort "$after")" ]
}

world_is_unchanged() {
	local subject
	world_into "${WORLD_BEFORE%.before}.after"
	for subject in $WORLD_SUBJECTS; do
		if ! subject_is_unchanged "$subject"; then
			diff -r "$WORLD_BEFORE" "${WORLD_BEFORE%.before}.after" >"${WORLD_BEFORE%.before}.diff"
			return 1
		fi
	done
}

# Everything is as it was at snapshot_world. The kernel takes some things away a moment after the
# process that held them (a veth about 20 ms), so this waits for up to 3 seconds.
assert_world_unchanged() {
	if ! wait_until 3 world_is_unchanged 2>/dev/null; then
		fail "left behind (<: as it was, >: as it is):" "$(cat "${WORLD_BEFORE%.before}.diff")"
	fi
}
