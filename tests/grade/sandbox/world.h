/*
 * The parts of world. What is called "inside" runs in a process that is in the world already, or on
 * its way: a failure there goes to `world` itself over the handshake and ends the process, so these
 * functions return only when they succeeded. outside is the handshake's descriptor.
 */
#ifndef WORLD_H
#define WORLD_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* exec passes COMMAND's exit status on: its own failures have statuses that commands don't use. */
enum { EXIT_TIME = 124, EXIT_WORLD = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

/* A cgroup tree's part of a world: .../world-XXXXXXXX, which has the limits; below it "root", which
 * is the tree's root for the world; and below that, where v2 has controllers, "session". */
enum { MAX_TREES = 6 };
struct world_cgroup {
	int version;
	bool has_controllers; /* v2 only */
	char tree[PATH_MAX];  /* where the caller has it mounted */
	char path[PATH_MAX];  /* the part with the limits */
};

struct limits {
	long long memory_bytes, processes, disk_bytes;
};

/* What stands in the state directory, and all that stop and exec need. */
struct world {
	pid_t init;
	unsigned long long start_time; /* of init: its pid may be another's one day. proc(5) */
	size_t cgroup_count;
	struct world_cgroup cgroups[MAX_TREES];
};

struct start_options {
	const char *root, *submission, *hostname, *state;
	struct limits limits;
};

struct exec_options {
	const char *state;
	char **command;
	bool pty;
	long long seconds;	/* 0: as long as it takes */
	long long output_bytes; /* of each stream */
};

/* start.c, exec.c, stop.c: the commands. They return the exit status. */
int world_start(const struct start_options *options);
int world_exec(const struct exec_options *options);
int world_stop(const char *state);

/* state.c. 0, or -1 with errno; a world that was never there, or has ended, is ESRCH for
 * state_open_init. */
int state_write(const char *directory, const struct world *world);
int state_read(const char *directory, struct world *world);
/* When did it start? 0 where there is no such process. */
unsigned long long process_start_time(pid_t pid);
/* A pidfd of the world's process 1. */
int state_open_init(const struct world *world);
/* Takes the directory away, and what start made in it. */
void state_remove(const char *directory);

/* cgroups.c. 0, or -1 with errno and the error reported. */
int cgroups_make(struct world *world, const struct limits *limits);
/* Puts a process, 0 for the caller, to the root of the world's part of each tree. */
int cgroups_put(const struct world *world, pid_t pid);
/* Opens the files by which a process enters the world's cgroups; returns how many, or -1. */
int cgroups_open(const struct world *world, int files[MAX_TREES]);
/* Waits, within a bound, for processes to be gone. None there is no error. */
int cgroups_remove(const struct world *world);
/* Inside: makes what the world sees the root of each tree, and leaves v2's for its session. */
void cgroups_enter(const struct world *world, int outside);
/* Inside: mounts the trees below ./sys/fs/cgroup, where the caller has them. */
void cgroups_mount(const struct world *world, int outside);

/* filters.c: programs of the kernel's that decide what the processes of a v2 cgroup may do, however
 * they come to it: open devices, and write to /proc/sys. 0, or -1 with errno. */
int filter_devices(int cgroup);
int filter_sysctl(int cgroup);

/* files.c, inside: the file system, up to pivot_root. */
void files_build(const struct start_options *options, const struct world *world, int outside);

/* dev.c, inside: a /dev below the current directory. */
void dev_build(int outside);

/* confine.c, inside: takes what reaches the machine from root, for good. */
void confine(int outside);

/* init.c, inside: becomes process 1 for good; own_file is this program. */
_Noreturn void init_exec(int own_file, int outside);
_Noreturn void init_main(void);

/* join.c, inside: a child of exec's becomes COMMAND. */
struct join {
	int pidfd; /* of the world's init */
	int cgroup_files[MAX_TREES];
	int cgroup_count;
	int standard[3];   /* its 0 to 2; -1 with a terminal */
	dev_t root_device; /* of the world's root directory, as process 1 has it */
	ino_t root_inode;
	bool quiet; /* the judge is no terminal: see join.c */
	const struct exec_options *options;
};
_Noreturn void join_main(const struct join *join, int outside);

/* relay.c: carries bytes between exec's descriptors and COMMAND's, until COMMAND ends. */
struct relay {
	pid_t child;
	int pidfd;	/* of the child */
	int to_command; /* its standard input, or the terminal; -1: none (any more) */
	int from_command[2];
	bool terminal; /* to_command and from_command[0] are copies of a terminal's master */
	long long limit_bytes, discarded[2];
	long long deadline_ms; /* on CLOCK_MONOTONIC; -1: never */
};
/* Returns COMMAND's exit status, EXIT_TIME, or 128 and the signal that came for us. */
int relay_run(struct relay *relay);

/* self.c: executes the program again from a sealed copy in memory, unless it is that already: what
 * the world finds in /proc/PID/exe must not be the judge's file. 0, or -1 with the error reported. */
int become_unwritable(char *const argv[]);

#endif
