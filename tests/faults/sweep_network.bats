#!/usr/bin/env bats
# As sweep.bats, for networks and the orchestrator: another file, so that the two run beside each
# other in labs of their own.

load sweeping

@test "sweep: addnetwork -i -e: every call failing once, and killed at every call" {
	sweep addnetwork
}

@test "sweep: peer: every call failing once, and killed at every call" {
	sweep peer
}

@test "sweep: service-orchestrator up: calls failing once, and killed at calls" {
	sweep up
}

@test "sweep: service-orchestrator down: calls failing once, and killed at calls" {
	sweep down
}
