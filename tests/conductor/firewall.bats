#!/usr/bin/env bats
# The firewall table of conductor: that it is the one of conductor.nft (nft's own language, beside this
# file), what each of its rules stops or lets through, and that nobody else's rules are touched.

# shellcheck disable=SC2154 # bats's run sets output, stderr and lines
# shellcheck disable=SC2016 # inner shells expand what stands in single quotes

load networked

# --- tools --------------------------------------------------------------------------------------

# The rules and sets, without elements: those come and go.
table_shape() {
	nft --stateless list table inet conductor | awk '
		/elements = \{/ { inside = 1 }
		!inside { print }
		/\}$/ { inside = 0 }'
}

elements_of() { # SET-OR-MAP...
	local set
	for set in "$@"; do
		nft list ruleset | awk -v set="$set" '
			$2 == set && ($1 == "set" || $1 == "map") { here = 1 }
			here && /elements/ { inside = 1 }
			inside { print }
			here && /\}$/ { exit }' | tr -d '\n\t' | sed 's/elements = {//; s/}.*//' | tr ',' '\n' |
			sed 's/^ *//; s/ *$//' | sort
	done
}

forwarding() {
	cat /proc/sys/net/ipv4/ip_forward
}

undo=()
eval "networked_$(declare -f teardown)"
teardown() {
	local command
	for command in "${undo[@]}"; do
		eval "$command"
	done
	networked_teardown
}

# --- the table ----------------------------------------------------------------------------------

@test "firewall: the table is that of conductor.nft, rule by rule" {
	requires nft unshare
	start alice
	"$CONDUCTOR" addnetwork alice
	table_shape >ours
	unshare --net bash -c 'nft -f "$1" && nft --stateless list table inet conductor' - \
		"$TOP/tests/conductor/conductor.nft" >reference
	[ "$(grep -c . reference)" -gt 40 ]
	run -0 diff reference ours
}

@test "firewall: its sets and its map hold what the commands said, and nothing after the last stop" {
	requires nft
	start alice bob carol
	"$CONDUCTOR" addnetwork alice -i -e 8080-3000 -e 80-3001
	"$CONDUCTOR" addnetwork bob
	"$CONDUCTOR" addnetwork carol -i
	"$CONDUCTOR" peer alice bob
	assert_equal "$(elements_of containers)" $'"alice-outside"\n"bob-outside"\n"carol-outside"'
	assert_equal "$(elements_of addresses)" \
		$'"alice-outside" . 192.168.1.2\n"bob-outside" . 192.168.2.2\n"carol-outside" . 192.168.3.2'
	assert_equal "$(elements_of internet)" $'"alice-outside"\n"carol-outside"'
	assert_equal "$(elements_of peers)" $'"alice-outside" . "bob-outside"\n"bob-outside" . "alice-outside"'
	assert_equal "$(elements_of publish)" $'3000 : 192.168.1.2 . 8080\n3001 : 192.168.1.2 . 80'
	"$CONDUCTOR" stop -t 0 alice
	assert_equal "$(elements_of containers addresses internet peers publish)" \
		$'"bob-outside"\n"carol-outside"\n"bob-outside" . 192.168.2.2\n"carol-outside" . 192.168.3.2\n"carol-outside"'
	"$CONDUCTOR" stop -t 0 bob
	"$CONDUCTOR" stop -t 0 carol
	assert_equal "$(nft list ruleset)" ""
}

@test "firewall: a container with as many ports and peers as there may be takes all of them along" {
	requires nft
	local many number
	mapfile -t many < <(printf -- '-e\n80-%d\n' {4001..4064})
	start alice
	"$CONDUCTOR" addnetwork alice "${many[@]}"
	for number in {1..64}; do
		"$CONDUCTOR" run -d base "c$number" -- sleep 1000 >/dev/null 3>&-
		"$CONDUCTOR" addnetwork "c$number"
		"$CONDUCTOR" peer alice "c$number"
	done
	assert_equal "$(elements_of peers | wc -l) $(elements_of publish | wc -l)" "128 64"
	run -0 --separate-stderr "$CONDUCTOR" stop -t 0 alice
	assert_equal "$stderr" ""
	assert_equal "$(elements_of peers publish)" ""
	assert_equal "$(elements_of containers | wc -l)" 64
}

@test "firewall: what a killed parent leaves in the sets goes with the next command" {
	requires nft
	start alice bob
	"$CONDUCTOR" addnetwork alice -i -e 8080-3000
	kill_parent alice
	"$CONDUCTOR" addnetwork bob
	assert_equal "$(elements_of containers addresses internet peers publish)" \
		$'"bob-outside"\n"bob-outside" . '"$(address_of bob)"
}

@test "firewall: other tables, chains and rules stay as they are, to the byte" {
	requires nft
	nft -f - <<-'END'
		table inet other {
			set blocked { type ipv4_addr; elements = { 192.0.2.1, 192.0.2.2 }; }
			chain input { type filter hook input priority 0; policy accept; ip saddr @blocked counter drop; }
			chain forward { type filter hook forward priority 10; policy accept; tcp dport 25 drop; }
		}
		table ip nat { chain post { type nat hook postrouting priority 100; oifname "other0" masquerade; }; }
		table ip6 filter { chain x { tcp dport 22 accept; }; }
	END
	undo=('nft flush ruleset')
	nft --handle list ruleset >before
	start alice bob
	"$CONDUCTOR" addnetwork alice -i -e 8080-3000
	"$CONDUCTOR" addnetwork bob -i
	"$CONDUCTOR" peer alice bob
	nft --handle list ruleset | awk '/^table/ { ours = $3 == "conductor" } !ours' | diff before -
	"$CONDUCTOR" stop -t 0 alice
	"$CONDUCTOR" stop -t 0 bob
	nft --handle list ruleset | diff before -
}

@test "firewall: after nft flush ruleset the next network command brings all of it back (R3, moby#12294)" {
	requires nft
	start alice bob carol dave
	"$CONDUCTOR" addnetwork alice -i -e 8080-3000
	"$CONDUCTOR" addnetwork bob -i
	"$CONDUCTOR" addnetwork carol -i
	"$CONDUCTOR" peer alice bob
	serve_in alice 8080
	nft list ruleset >before
	nft flush ruleset
	assert_equal "$(from_outside 203.0.113.2:3000)" "203.0.113.2:3000 refused"
	"$CONDUCTOR" addnetwork dave
	assert_equal "$(from_outside 203.0.113.2:3000)" "203.0.113.2:3000 alice 203.0.113.1"
	assert_equal "$(from bob 192.168.1.2:8080 203.0.113.1:80)" $'192.168.1.2:8080 alice 192.168.2.2\n203.0.113.1:80 '"$LAB_TOKEN"
	assert_equal "$(from carol 192.168.1.2:8080)" "192.168.1.2:8080 silent"
	nft flush ruleset
	"$CONDUCTOR" peer alice dave # by the other command, too
	"$CONDUCTOR" stop -t 0 dave
	nft list ruleset >after
	run -0 diff before after
}

@test "firewall: after nft flush ruleset the last stop is no error" {
	requires nft
	start alice
	"$CONDUCTOR" addnetwork alice -i -e 8080-3000
	nft flush ruleset
	run -0 --separate-stderr "$CONDUCTOR" stop -t 0 alice
	assert_equal "$stderr" ""
	assert_equal "$(forwarding)" 0
}

@test "firewall: a firewall that drops what is forwarded is told of, and nothing is changed in it (R3, moby#39439)" {
	requires nft
	nft 'table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }'
	undo=('nft delete table ip filter')
	start alice bob
	run -0 --separate-stderr "$CONDUCTOR" addnetwork alice -i
	assert_equal "$stderr" "conductor: addnetwork: warning: the host's firewall drops what it doesn't know (table filter, chain FORWARD, policy drop): containers' traffic needs an accept there"
	run -0 --separate-stderr "$CONDUCTOR" addnetwork bob
	assert_equal "$stderr" "" # nothing is forwarded for it
	nft add rule ip filter FORWARD accept
	assert_equal "$(from alice 203.0.113.1:80)" "203.0.113.1:80 $LAB_TOKEN"
}

@test "firewall: whatever the kernel refuses on the way, nothing is half-made, and it can be tried again" {
	requires strace
	local call number refused=0 before
	start alice
	before=$(inside alice cat /etc/hosts /etc/resolv.conf)
	for call in sendto write; do
		for number in {1..12}; do
			run --separate-stderr strace -f -qq -o /dev/null -e trace=$call -e "inject=$call:error=ENOBUFS:when=$number" \
				"$CONDUCTOR" addnetwork alice -i -e 80-3000
			[ "$status" != 0 ] || break
			refused=$((refused + 1))
			assert_equal "$status" 1
			assert_matches "$stderr" '^conductor: addnetwork: .*: No buffer space available'
			assert_equal "$(links_of alice)" lo
			assert_equal "$(inside alice cat /etc/hosts /etc/resolv.conf)" "$before"
			world_is_unchanged
		done
		assert_equal "$(from alice 203.0.113.1:80)" "203.0.113.1:80 $LAB_TOKEN"
		"$CONDUCTOR" stop -t 0 alice
		start alice
	done
	[ $refused -ge 10 ]
}

# --- forwarding ---------------------------------------------------------------------------------

@test "firewall: ip_forward is switched on by the first that needs it, and put back with the last network" {
	assert_equal "$(forwarding)" 0
	start alice bob carol
	"$CONDUCTOR" addnetwork alice
	"$CONDUCTOR" addnetwork carol
	assert_equal "$(forwarding)" 0
	"$CONDUCTOR" peer alice carol
	assert_equal "$(forwarding)" 1
	"$CONDUCTOR" addnetwork bob -i
	"$CONDUCTOR" stop -t 0 carol
	"$CONDUCTOR" stop -t 0 bob
	assert_equal "$(forwarding)" 1
	"$CONDUCTOR" stop -t 0 alice
	assert_equal "$(forwarding)" 0
	start bob
	"$CONDUCTOR" addnetwork bob -e 80-3000
	assert_equal "$(forwarding)" 1
	"$CONDUCTOR" stop -t 0 bob
	assert_equal "$(forwarding)" 0
}

@test "firewall: an ip_forward that was on stays on" {
	undo=('echo 0 >/proc/sys/net/ipv4/ip_forward')
	echo 1 >/proc/sys/net/ipv4/ip_forward
	start alice
	"$CONDUCTOR" addnetwork alice -i
	"$CONDUCTOR" stop -t 0 alice
	assert_equal "$(forwarding)" 1
}

# --- chain guard --------------------------------------------------------------------------------

@test "firewall: a forged source address reaches neither the host nor the internet nor a peer" {
	start alice bob
	"$CONDUCTOR" addnetwork alice -i
	"$CONDUCTOR" addnetwork bob -i
	"$CONDUCTOR" peer alice bob
	hear_here host 5000
	hear_outside net 5000
	hear_in bob 5000
	local mac target forged
	mac=$(mac_of alice)
	for target in 192.168.1.1:5000 203.0.113.1:5000 192.168.2.2:5000; do
		for forged in 192.168.1.77 192.168.2.2 203.0.113.1 127.0.0.1 198.51.100.9 0.0.0.0; do
			inside alice /wire frame alice-inside "$mac" $forged $target "forged $forged"
		done
		# By the same way, with its own address.
		inside alice /wire frame alice-inside "$mac" 192.168.1.2 $target last
	done
	assert_equal "$(heard host)" "192.168.1.2 last"
	assert_equal "$(heard net)" "203.0.113.2 last"
	assert_equal "$(heard bob)" "192.168.1.2 last"
}

@test "firewall: the host's 127.0.0.0/8 is out of reach, though route_localnet is on (CVE-2020-8558)" {
	start alice
	"$CONDUCTOR" addnetwork alice -i
	assert_equal "$(cat /proc/sys/net/ipv4/conf/alice-outside/route_localnet)" 1
	hear_here host 5000
	local mac target
	mac=$(mac_of alice)
	for target in 127.0.0.1 127.0.0.53 127.255.255.254; do
		inside alice /wire frame alice-inside "$mac" 192.168.1.2 $target:5000 "to $target"
	done
	inside alice /wire frame alice-inside "$mac" 192.168.1.2 192.168.1.1:5000 last
	assert_equal "$(heard host)" "192.168.1.2 last"
	"$WIRE" say 127.0.0.1:5000 end # it does listen there
	await "${background[0]}"
	assert_equal "$status" 0
}

# What the guard lets through, later chains might stop: a chain right behind it counts.
@test "firewall: the guard itself stops 127.0.0.0/8, IPv6 and forged sources, before anybody else looks" {
	requires nft
	nft -f - <<-'END'
		table inet behind {
			chain guard {
				type filter hook prerouting priority raw + 1; policy accept;
				iifname "alice-outside" meta nfproto ipv6 counter comment "ipv6"
				iifname "alice-outside" ip daddr 127.0.0.0/8 counter comment "loopback"
				iifname "alice-outside" ip saddr != 192.168.1.2 counter comment "forged"
				iifname "alice-outside" ip saddr 192.168.1.2 ip daddr != 127.0.0.0/8 udp dport 5000 counter comment "good"
			}
		}
	END
	undo=('nft delete table inet behind')
	start alice
	"$CONDUCTOR" addnetwork alice
	local mac
	mac=$(mac_of alice)
	say_all() {
		inside alice /wire frame alice-inside "$mac" 192.168.1.2 127.0.0.1:5000 x
		inside alice /wire frame alice-inside "$mac" fe80::1 '[ff02::1]:5000' x
		inside alice /wire frame alice-inside "$mac" 192.168.1.3 192.168.1.1:5000 x
		inside alice /wire frame alice-inside "$mac" 192.168.1.2 192.168.1.1:5000 x
	}
	# "WHAT yes" or "WHAT no": did a packet of the kind come through?
	came_through() {
		nft list table inet behind | sed -n 's/.*counter packets \([0-9]*\) .*comment "\(.*\)"/\2 \1/p' |
			awk '{ print $1, ($2 > 0 ? "yes" : "no") }' | paste -sd ,
	}
	say_all
	assert_equal "$(came_through)" "ipv6 no,loopback no,forged no,good yes"
	# The same packets all come through on a link that isn't marked as a container's.
	nft delete element inet conductor containers '{ "alice-outside" }'
	say_all
	assert_equal "$(came_through)" "ipv6 yes,loopback yes,forged yes,good yes"
	nft add element inet conductor containers '{ "alice-outside" }'
}

@test "firewall: by IPv6 a container reaches nothing, not even its link's end" {
	[ -e /proc/net/if_inet6 ] || skip "this machine has no IPv6"
	requires iproute2
	start alice
	"$CONDUCTOR" addnetwork alice -i
	ip -6 addr add fd00::1/64 dev alice-outside nodad
	hear_here host '[::]:5000' # both IPv4 and IPv6
	local mac
	mac=$(mac_of alice)
	inside alice /wire frame alice-inside "$mac" fd00::2 '[fd00::1]:5000' "to the host"
	inside alice /wire frame alice-inside "$mac" fe80::2 '[ff02::1]:5000' "to all"
	inside alice /wire frame alice-inside "$mac" 192.168.1.2 192.168.1.1:5000 last
	assert_equal "$(heard host)" "::ffff:192.168.1.2 last"
	"$WIRE" say '[fd00::1]:5000' end # it does listen there
	await "${background[0]}"
	assert_equal "$status" 0
}

# --- chains dnat_in and dnat_local --------------------------------------------------------------

@test "firewall: a published port takes nothing from those who go elsewhere" {
	start alice
	"$CONDUCTOR" addnetwork alice -i -e 8080-3000
	serve_in alice 8080
	serve_outside net 3000
	# The host's own way to port 3000 of another machine, and the container's.
	assert_equal "$(from_here 203.0.113.1:3000 203.0.113.2:3000)" $'203.0.113.1:3000 net 203.0.113.2\n203.0.113.2:3000 alice 203.0.113.2'
	assert_equal "$(from alice 203.0.113.1:3000)" "203.0.113.1:3000 net 203.0.113.2"
}

@test "firewall: a machine that has a route to the containers reaches published ports only, by the host's address" {
	requires iproute2
	start alice
	"$CONDUCTOR" addnetwork alice -i -e 8080-3000
	serve_in alice 8080 3000
	"$LAB" internet -- ip route add 192.168.0.0/16 via 203.0.113.2
	undo=("\"$LAB\" internet -- ip route del 192.168.0.0/16")
	assert_equal "$(from_outside 203.0.113.2:3000 192.168.1.2:8080 192.168.1.2:3000)" \
		$'203.0.113.2:3000 alice 203.0.113.1\n192.168.1.2:8080 silent\n192.168.1.2:3000 silent'
	# The host's end of the link is an address of the host.
	assert_equal "$(from_outside 192.168.1.1:3000)" "192.168.1.1:3000 alice 203.0.113.1"
}

# --- chains to_host and between -----------------------------------------------------------------

@test "firewall: without -i no packet gets out, whatever route the container makes itself" {
	start alice bob
	"$CONDUCTOR" addnetwork alice
	"$CONDUCTOR" addnetwork bob -i # so forwarding is on
	hear_outside net 5000
	inside alice /wire frame alice-inside "$(mac_of alice)" 192.168.1.2 203.0.113.1:5000 "from alice"
	inside bob /wire frame bob-inside "$(mac_of bob)" 192.168.2.2 203.0.113.1:5000 last
	assert_equal "$(heard net)" "203.0.113.2 last"
}

# A packet that belongs to no flow has no direction and no state.
@test "firewall: packets that the kernel keeps no track of get neither out nor to another container" {
	requires nft
	nft 'table ip other { chain in { type filter hook prerouting priority -295; iifname "alice-outside" notrack; }; }'
	undo=('nft delete table ip other')
	start alice bob
	"$CONDUCTOR" addnetwork alice
	"$CONDUCTOR" addnetwork bob -i
	hear_outside net 5000
	hear_in bob 5000
	hear_here host 5000
	local mac target
	mac=$(mac_of alice)
	for target in 203.0.113.1 192.168.2.2 203.0.113.2 192.168.1.1; do
		inside alice /wire frame alice-inside "$mac" 192.168.1.2 $target:5000 "to $target"
	done
	"$WIRE" say 203.0.113.1:5000 last
	"$WIRE" say 192.168.2.2:5000 last
	"$WIRE" say 192.168.1.1:5000 last
	assert_equal "$(heard net)" "203.0.113.2 last"
	assert_equal "$(heard bob)" "192.168.2.1 last"
	assert_equal "$(heard host)" $'192.168.1.2 to 192.168.1.1\n192.168.1.1 last'
}

@test "firewall: the host's other addresses are out of reach, and so are other containers, whatever the frame says" {
	start alice bob
	"$CONDUCTOR" addnetwork alice
	"$CONDUCTOR" addnetwork bob -i
	hear_here host 5000
	hear_in bob 5000
	local mac target
	mac=$(mac_of alice)
	for target in 203.0.113.2 192.168.2.1 192.168.1.255 255.255.255.255 192.168.2.2; do
		inside alice /wire frame alice-inside "$mac" 192.168.1.2 $target:5000 "to $target"
	done
	inside alice /wire frame alice-inside "$mac" 192.168.1.2 192.168.1.1:5000 last
	assert_equal "$(heard host)" "192.168.1.2 last"
	"$WIRE" say 192.168.2.2:5000 last
	assert_equal "$(heard bob)" "192.168.2.1 last"
}

@test "firewall: another's port forwarding on the host leads no container to another" {
	requires nft
	nft -f - <<-'END'
		table ip other { chain in { type nat hook prerouting priority dstnat + 5; tcp dport 7777 dnat to 192.168.1.2:8080; }; }
	END
	undo=('nft delete table ip other')
	start alice bob
	"$CONDUCTOR" addnetwork alice -i
	"$CONDUCTOR" addnetwork bob -i
	serve_in alice 8080
	assert_equal "$(from_outside 203.0.113.2:7777)" "203.0.113.2:7777 alice 203.0.113.1"
	assert_equal "$(from bob 203.0.113.2:7777 192.168.2.1:7777)" $'203.0.113.2:7777 silent\n192.168.2.1:7777 silent'
}

# The kernel remembers a flow for minutes, and its address may have another owner after seconds. Both
# ends use port 40000 (frame's source port), so that it is the same flow again.
@test "firewall: who gets a peer's address next inherits none of its flows" {
	start alice bob
	"$CONDUCTOR" addnetwork alice
	"$CONDUCTOR" addnetwork bob
	"$CONDUCTOR" peer alice bob
	to_bob() { inside alice /wire frame alice-inside "$(mac_of alice)" 192.168.1.2 192.168.2.2:40000 "$1"; }
	to_alice() { inside bob /wire frame bob-inside "$(mac_of bob)" 192.168.2.2 192.168.1.2:40000 "$1"; }
	hear_in alice 40000
	hear_in bob 40000
	to_bob last
	to_alice "from the peer" # an answer: so the flow is established
	assert_equal "$(heard bob)" "192.168.1.2 last"
	"$CONDUCTOR" stop -t 0 bob
	start bob
	"$CONDUCTOR" addnetwork bob
	assert_equal "$(address_of bob)" 192.168.2.2
	hear_in bob 40000
	to_bob "to a stranger"
	to_alice "from a stranger"
	"$WIRE" say 192.168.1.2:40000 last
	"$WIRE" say 192.168.2.2:40000 last
	assert_equal "$(heard alice)" $'192.168.2.2 from the peer\n192.168.1.1 last'
	assert_equal "$(heard bob)" "192.168.2.1 last"
}

@test "firewall: who gets an address next inherits no flow to the internet" {
	start alice carol
	"$CONDUCTOR" addnetwork alice -i
	"$CONDUCTOR" addnetwork carol -i
	to_internet() { inside alice /wire frame alice-inside "$(mac_of alice)" 192.168.1.2 203.0.113.1:40000 "$1"; }
	from_internet() {
		"$LAB" internet -- "$WIRE" frame lab "$(cat /sys/class/net/uplink/address)" 203.0.113.1 203.0.113.2:40000 "$1"
	}
	hear_outside net 40000
	hear_in alice 40000
	to_internet "from the first"
	from_internet last
	assert_equal "$(heard alice)" "203.0.113.1 last"
	"$CONDUCTOR" stop -t 0 alice
	start alice
	"$CONDUCTOR" addnetwork alice
	assert_equal "$(address_of alice)" 192.168.1.2
	to_internet "from the next"
	inside carol /wire frame carol-inside "$(mac_of carol)" 192.168.2.2 203.0.113.1:40000 last
	assert_equal "$(heard net)" $'203.0.113.2 from the first\n203.0.113.2 last'
}
