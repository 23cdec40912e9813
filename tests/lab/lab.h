/*
 * The parts of the lab. What is called "inside" runs in the lab's init, after clone3: there a
 * failure goes to the parent, `lab` itself, over the handshake and ends the process; so these
 * functions return only when they succeeded. parent is the handshake's descriptor.
 */
#ifndef LAB_H
#define LAB_H

#include "common/cgroup.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Since COMMAND's exit status is passed on, the lab's own failures (wrong usage too) have one that
 * commands don't use, and COMMAND's failure to start the two that shells give it. */
enum { EXIT_LAB = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

#define LAB_DIR		 "/run/lab" /* the lab's own files; its existence says "this is a lab" */
#define INTERNET_NS	 "/run/netns/internet" /* where ip-netns(8) looks for a namespace's name */
#define CONDUCTOR_DIR	 "/run/conductor"
#define INTERNET_ADDRESS "203.0.113.1"

/* The cgroup trees in which the lab has a directory of its own. */
enum { MAX_TREES = 5 };
struct cgroups {
	char name[32]; /* the directory's name: lab-PID */
	size_t count;
	struct cgroup_mount trees[MAX_TREES];
	char places[MAX_TREES]
		   [PATH_MAX]; /* where the directory is: the tree's root, or below it the
					     cgroup that was delegated to an ordinary user */
};

/* What the parent knows, and init inherits with the copy of its memory. */
struct lab {
	char **command;
	bool new_user; /* an ordinary user: all of it lies in a user namespace */
	uid_t uid;     /* the caller's ids, which become 0 inside */
	gid_t gid;
	char token[33]; /* what the internet answers */
	struct cgroups cgroups;
	sigset_t mask;		  /* the caller's signal mask ... */
	struct sigaction sigchld; /* ... and what it does on SIGCHLD: COMMAND gets both back */
};

/* lab.c: the exit status of a failed execvp(program), judged by errno, which it may put right. */
int exec_status(const char *program);

/* run.c: builds the lab, runs the command in it, undoes it. Returns the exit status. */
int lab_run(struct lab *lab);
/* The signals that are passed on to COMMAND, and SIGCHLD. */
void lab_signals(sigset_t *set);

/* init.c, inside: the life of PID 1. */
_Noreturn void init_main(const struct lab *lab, int parent);

/* user.c, inside: the caller's ids become root's in the new user namespace. */
void user_map(const struct lab *lab, int parent);
/* What to do when namespaces or mounts are refused; "" where there is nothing to say. */
const char *user_hint(const struct lab *lab, int errnum);

/* protect.c, inside: the machine's own files become read-only, but for scratch places and the
 * current directory. */
void protect_machine(int parent);
/* path with all that is mounted in it, as a mount that is nowhere yet, as writable as it is now; -1
 * where there is no such path. */
int tree_take(int parent, const char *path);
/* Mounts it there, and closes it. */
void tree_put(int parent, int tree, const char *path);

/* world.c, inside: hostname, mounts, and the lab's own /run, resolv.conf and hosts. */
void world_build(int parent);

/* cgroups.c. Finds the trees that the lab may write. */
void cgroups_find(struct cgroups *cgroups);
/* Makes the lab's directories and puts init there. 0, or -1 with errno and the error reported. */
int cgroups_make(const struct cgroups *cgroups, pid_t init);
/* Inside: makes these directories the roots that the lab sees. */
void cgroups_enter(const struct cgroups *cgroups, int parent);
/* Removes them and all that was made in them; waits, within a bound, for processes to be gone. 0,
 * or -1 with errno; none there is no error. */
int cgroups_remove(const struct cgroups *cgroups);

/* keeper.c: starts the process that removes what outlives the lab. Its pid, and in *keeper the
 * handshake on which it waits for init's pidfd; -1 with errno. */
pid_t keeper_start(const struct cgroups *cgroups, int *keeper);

/* descriptors.c. A caller may have closed some of 0 to 2: opens those, so that no descriptor of
 * ours is taken for one of them. */
void descriptors_open_standard(void);
/* Lets go of all that the caller had open; 0 to 2 become /dev/null. keep, unless it is -1, is kept:
 * returns where it is now. */
int descriptors_drop(int keep);

/* links.c, inside: makes the internet's namespace, its listening socket, and the links between.
 * Returns that socket and in *netns the namespace. */
int links_build(int parent, int *netns);

/* internet.c, inside: answers HTTP on the socket for ever. */
_Noreturn void internet_serve(int listener, const char *token);

#endif
