#!/usr/bin/env bats
# What a container may not say on its link, and what published ports must not open.
# shellcheck disable=SC2154 # bats's run sets output and stderr
# shellcheck disable=SC2030,SC2031 # each test is a subshell

load ../conductor/networked

ATTACK=$TOP/tests/tools/attack

arm() { # NAME...
	local name
	for name in "$@"; do
		inside "$name" sh -c 'cat >/attack && chmod 755 /attack' <"$ATTACK"
	done
}

# Both families, by the kernel's own list, without what changes by itself while links come up: the
# link-local rows and ipv6_route(5)'s columns that count references and uses.
routes() {
	cat /proc/net/route
	awk '!/^(fe80|ff00)/ { $7 = $8 = ""; print }' /proc/net/ipv6_route 2>/dev/null
	grep -v '^fe80' /proc/net/if_inet6 2>/dev/null
}

requires_ipv6() {
	[ -e /proc/net/if_inet6 ] || skip "this machine has no IPv6"
}

has_forged_route() {
	grep -qE '^20010db80bad' /proc/net/ipv6_route /proc/net/if_inet6
}

# --- S11 ----------------------------------------------------------------------------------------

@test "forging: a router advertisement changes neither the host's routes nor its addresses (S11, CVE-2020-13401)" {
	local before
	requires_ipv6
	requires nft
	start alice bob
	arm alice
	"$CONDUCTOR" addnetwork alice -i
	"$CONDUCTOR" addnetwork bob -i
	echo 2 >/proc/sys/net/ipv6/conf/alice-outside/accept_ra # as where forwarding is on, too
	tentative_is_over() { [ "$(awk '$6 == "alice-outside" { print $5 }' /proc/net/if_inet6)" = 80 ]; }
	wait_until 5 tentative_is_over
	before=$(routes)
	inside alice /attack advertise alice-inside
	# By the same way, after it: so the former has arrived.
	hear_here host 5000
	inside alice /wire frame alice-inside "$(mac_of alice)" 192.168.1.2 192.168.1.1:5000 last
	assert_equal "$(heard host)" "192.168.1.2 last"
	assert_equal "$(routes)" "$before"
	# On a link that isn't marked as a container's it is believed.
	nft delete element inet conductor containers '{ "alice-outside" }'
	inside alice /attack advertise alice-inside
	wait_until 5 has_forged_route
	nft add element inet conductor containers '{ "alice-outside" }'
}

# The same of a container.
routes_of() { # NAME
	inside "$1" cat /proc/net/ipv6_route | awk '!/^(fe80|ff00)/ { $7 = $8 = ""; print }'
	inside "$1" cat /proc/net/route
}

@test "forging: no advertisement gets from a container to its peer, nor to another (S11)" {
	local before
	requires_ipv6
	start alice bob
	arm alice
	"$CONDUCTOR" addnetwork alice -i
	"$CONDUCTOR" addnetwork bob -i
	"$CONDUCTOR" peer alice bob
	before=$(routes_of bob)
	inside alice /attack advertise alice-inside
	hear_in bob 5000
	inside alice /wire frame alice-inside "$(mac_of alice)" 192.168.1.2 192.168.2.2:5000 last
	assert_equal "$(heard bob)" "192.168.1.2 last"
	assert_equal "$(routes_of bob)" "$before"
}

@test "forging: ARP answers for another's address, or the host's, lead no traffic astray (S11)" {
	local mac target
	start alice bob carol
	arm bob
	"$CONDUCTOR" addnetwork alice -i
	"$CONDUCTOR" addnetwork bob -i
	"$CONDUCTOR" addnetwork carol -i
	"$CONDUCTOR" peer alice carol
	serve_in alice 8080
	mac=$(inside bob cat /sys/class/net/bob-inside/address)
	for target in 192.168.1.2 192.168.1.1 192.168.3.2 203.0.113.1 203.0.113.2; do
		inside bob /attack arp bob-inside $target "$mac"
	done
	assert_equal "$(from_here 192.168.1.2:8080)" "192.168.1.2:8080 alice 192.168.1.1"
	assert_equal "$(from carol 192.168.1.2:8080 203.0.113.1:80)" $'192.168.1.2:8080 alice 192.168.3.2\n203.0.113.1:80 '"$LAB_TOKEN"
	refute grep -qE "^(192.168.1|192.168.3|203.0.113)\..* $mac " /proc/net/arp
	# It does speak, and is heard: of its own address it may say what it likes.
	serve_in bob 8080
	assert_equal "$(from_here 192.168.2.2:8080)" "192.168.2.2:8080 bob 192.168.2.1"
	echo 1 >/proc/sys/net/ipv4/conf/bob-outside/arp_accept
	echo 0 >/proc/sys/net/ipv4/neigh/bob-outside/locktime
	learned() {
		inside bob /attack arp bob-inside 192.168.2.2 02:00:00:00:0b:ad >/dev/null
		grep -q '02:00:00:00:0b:ad' /proc/net/arp
	}
	wait_until 5 learned
}

# What nobody asked for is nobody's answer.
@test "forging: a packet with a peer's address from the wrong link reaches nobody (S11)" {
	start alice bob carol
	"$CONDUCTOR" addnetwork alice
	"$CONDUCTOR" addnetwork bob
	"$CONDUCTOR" addnetwork carol
	"$CONDUCTOR" peer alice carol
	hear_in carol 5000
	inside bob /wire frame bob-inside "$(mac_of bob)" 192.168.1.2 192.168.3.2:5000 forged
	inside alice /wire frame alice-inside "$(mac_of alice)" 192.168.1.2 192.168.3.2:5000 last
	assert_equal "$(heard carol)" "192.168.1.2 last"
}

@test "forging: the addresses of others are no way in, also as the container's own (S11)" {
	requires iproute2
	start alice bob
	"$CONDUCTOR" addnetwork alice -i
	"$CONDUCTOR" addnetwork bob -i
	serve_in alice 8080
	hear_here host 5000
	# A raw container could take any address; here the frame has it.
	inside bob /wire frame bob-inside "$(mac_of bob)" 192.168.1.2 192.168.2.1:5000 forged
	inside bob /wire frame bob-inside "$(mac_of bob)" 192.168.2.2 192.168.2.1:5000 last
	assert_equal "$(heard host)" "192.168.2.2 last"
	run inside bob ip address add 192.168.1.2/24 dev bob-inside
	refute [ "$status" = 0 ]
	run inside bob ip route add 127.0.0.0/8 via 192.168.2.1
	refute [ "$status" = 0 ]
}

# --- S20 ----------------------------------------------------------------------------------------

@test "forging: what listens on the host's 127.0.0.1 is out of reach while a port is published (S20, CVE-2020-8558)" {
	local mac target
	start alice
	"$CONDUCTOR" addnetwork alice -i -e 8080-3000
	serve_in alice 8080
	serve_here host 127.0.0.1:9911
	assert_equal "$(from_here 127.0.0.1:9911)" "127.0.0.1:9911 host 127.0.0.1" # it does listen
	hear_here local 127.0.0.1:9911
	mac=$(mac_of alice)
	for target in 127.0.0.1:9911 127.0.0.1:3000; do
		inside alice /wire frame alice-inside "$mac" 192.168.1.2 $target "for $target"
		inside alice /wire frame alice-inside "$mac" 127.0.0.1 $target "for $target"
	done
	"$WIRE" say 127.0.0.1:9911 last
	assert_equal "$(heard local)" "127.0.0.1 last"
	assert_equal "$(from alice 192.168.1.1:9911 203.0.113.2:9911)" $'192.168.1.1:9911 refused\n203.0.113.2:9911 silent'
}

@test "forging: a raw container with a route to 127.0.0.0/8 by its gateway gets no answer (S20)" {
	requires iproute2
	"$CONDUCTOR" run -d --privileged base alice -- sh -c "$KEEP_RUNNING" alice >/dev/null 3>&-
	equip alice
	"$CONDUCTOR" addnetwork alice -i -e 8080-3000
	serve_here host 127.0.0.1:9911 127.0.0.1:3001
	"$LAB" internet -- true
	# Its own loopback has these addresses: without it, the kernel takes the route.
	nsenter -t "$(init_of sh -c "$KEEP_RUNNING" alice)" -n sh -c '
		ip address flush dev lo; ip link set lo down
		echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet 2>/dev/null
		ip route add 127.0.0.0/8 via 192.168.1.1'
	assert_equal "$(from alice 127.0.0.1:9911 127.0.0.1:3001 | grep -c ' host ')" 0
	assert_equal "$(from_here 127.0.0.1:9911)" "127.0.0.1:9911 host 127.0.0.1"
}

@test "forging: a published port answers where that is documented, and nowhere else (S20, moby#22054)" {
	start alice bob
	"$CONDUCTOR" addnetwork alice -i -e 8080-3000
	"$CONDUCTOR" addnetwork bob -i
	serve_in alice 8080 3000
	assert_equal "$(from_outside 203.0.113.2:3000)" "203.0.113.2:3000 alice 203.0.113.1"
	assert_equal "$(from_here 127.0.0.1:3000 203.0.113.2:3000 | cut -d ' ' -f 1,2)" $'127.0.0.1:3000 alice\n203.0.113.2:3000 alice'
	assert_equal "$(from_outside 203.0.113.2:8080 203.0.113.2:3001)" $'203.0.113.2:8080 refused\n203.0.113.2:3001 refused'
	assert_equal "$(from bob 203.0.113.2:3000 192.168.2.1:3000 192.168.1.2:8080 192.168.1.2:3000 192.168.1.1:3000 | cut -d ' ' -f 2 | sort | uniq -c | xargs)" \
		"1 refused 4 silent"
	"$CONDUCTOR" stop -t 0 alice
	assert_equal "$(from_outside 203.0.113.2:3000)" "203.0.113.2:3000 refused"
}

@test "forging: a published port takes nothing that only passes through the host (S20)" {
	requires iproute2
	start alice
	"$CONDUCTOR" addnetwork alice -i -e 8080-3000
	serve_in alice 8080
	"$LAB" internet -- ip route add 192.0.2.0/24 via 203.0.113.2
	undo() { "$LAB" internet -- ip route del 192.0.2.0/24; }
	run from_outside 192.0.2.9:3000 203.0.113.2:3000
	undo
	assert_equal "${lines[1]}" "203.0.113.2:3000 alice 203.0.113.1"
	refute_contains "${lines[0]}" alice
}
