#!/usr/bin/env bats
# Each system call of the commands that make and end containers goes wrong once, by tests/faults/sweep:
# what must hold after it stands there. (runc#39, runc#4534, podman#14003: killed midway.)
# SWEEP=all for all points instead of a sample of the long ones.

load sweeping

@test "sweep: run: every call failing once, and killed at every call" {
	sweep run
}

@test "sweep: run -d: every call failing once, and killed at every call" {
	sweep run-d
}

@test "sweep: exec: every call failing once, and killed at every call" {
	sweep exec
}

@test "sweep: stop: every call failing once, and killed at every call" {
	sweep stop
}

@test "sweep: build, COPY and RUN: calls failing once, and killed at calls" {
	sweep build
}

@test "sweep: build, FROM host: calls failing once, and killed at calls" {
	sweep build-host
}

@test "sweep: rmi: every call failing once, and killed at every call" {
	sweep rmi
}
