/*
 * Programs that the orchestrator runs: those that it waits for, and those that stay in the
 * background after it has gone. posix_spawn(3), pidfd_open(2)
 */
#ifndef TASK4_PROGRAM_H
#define TASK4_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * From now on SIGINT and SIGTERM end run_program and background_ended early, and is_interrupted
 * tells of them: there is something to undo. Without this call they end us as usual.
 */
void catch_interrupts(void);
bool is_interrupted(void);

/* From now on they are ignored, and what came before is forgotten: undoing must not be interrupted.
 */
void ignore_interrupts(void);

/* What a program that has ended said. The texts end in NUL and are the caller's to free. */
struct outcome {
	int status;   /* exit status or 128 + signal */
	char *output; /* standard output */
	char *errors; /* standard error */
};

void outcome_free(struct outcome *outcome);
#define AUTO_OUTCOME __attribute__((cleanup(outcome_free)))

/*
 * Runs argv[0], a path, to its end. Its standard input is the descriptor input, or /dev/null if
 * that is -1. A program that runs for more than timeout_ms is killed, and so is one that goes on
 * after an interrupt. 0, or -1 with errno: ETIMEDOUT, EINTR, or why it can't be run.
 */
int run_program(char *const argv[], int input, int timeout_ms, struct outcome *outcome);

/* A program in the background. A pid alone would not do: it may be a stranger's by now. */
struct background {
	pid_t pid;			/* 0: none */
	unsigned long long start_ticks; /* when it was started, as in proc(5) stat */
};

/*
 * Makes a process that will become argv[0], a path, in a session of its own, with the file log as
 * its output. It waits for background_go and ends if its maker does before: so it can be written
 * down who it is before it does anything. 0 and *handshake, the caller's to close; -1 with errno.
 */
int background_start(char *const argv[], int log, struct background *background, int *handshake);

/* Lets it begin. 0 when it runs, or -1 with errno. */
int background_go(int handshake);

/*
 * Waits until it has ended, for timeout_ms at most. True when it has, also if it never was. *status
 * (may be NULL) becomes its exit status where that can be known: if it is our own child; else -1.
 */
bool background_ended(const struct background *background, int timeout_ms, int *status);

/* Ends it, first with SIGTERM, after timeout_ms with SIGKILL. 0, or -1 with errno if it lives. */
int background_end(const struct background *background, int timeout_ms);

#endif
