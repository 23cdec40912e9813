/* System calls: by number, by name, by the other ways into an x86 kernel; and the session's keys. */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGUMENTS = 6, X32_BIT = 0x40000000 };
#define INITIAL_PID_NAMESPACE 0xEFFFFFFC /* PROC_PID_INIT_INO, on every Linux */

/* Calls work(arg) in a child, whose end tells if the call was its last. */
static int try_in_child(const char *what, long (*work)(const void *arg), const void *arg)
{
	int status;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0)
		_exit(print_result(what, work(arg)));
	waitpid(child, &status, 0);
	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	printf("%s: SIG%s\n", what, sigabbrev_np(WTERMSIG(status)));
	return 1;
}

/* --- by number ----------------------------------------------------------------------------------- */

struct call {
	const char *name;
	long number;
	uintptr_t arguments[ARGUMENTS];
};

static long make_call(const void *arg)
{
	const struct call *call = arg;
	const uintptr_t *a = call->arguments;
	pid_t self = getpid();
	long result = syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (getpid() != self)
		_exit(0); /* the call was a clone, and this its child */
	return result;
}

static int call_by_number(char **words, long bits)
{
	struct call call = { .name = words[0], .number = (long)parse_word(words[0]) | bits };
	for (int i = 0; i < ARGUMENTS && words[1 + i]; i++)
		call.arguments[i] = parse_word(words[1 + i]);
	return try_in_child(call.name, make_call, &call);
}

int attack_call(char **words)
{
	return call_by_number(words, 0);
}

int attack_call_x32(char **words)
{
	return call_by_number(words, X32_BIT);
}

static long make_call_i386(const void *arg)
{
	const struct call *call = arg;
	long result = -ENOSYS;
#if defined(__x86_64__)
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(call->number), "b"(0), "c"(0), "d"(0)
			 : "memory", "r8", "r9", "r10", "r11");
#elif defined(__i386__)
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(call->number), "b"(0), "c"(0), "d"(0)
			 : "memory");
#else
	(void)call;
#endif
	result = (int)result; /* the other 32 bits of the register are not of this call */
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}

int attack_call_i386(char **words)
{
	struct call call = { .name = words[0], .number = (long)parse_word(words[0]) };
	return try_in_child(call.name, make_call_i386, &call);
}

/* --- by name --------------------------------------------------------------------------------------
 * With the rights for it each comes through, or fails for its argument, but never with EPERM; and
 * changes nothing outside the container.
 */

#define MOUNT_POINT "/mount.attack"
#define TEXT(text)  ((uintptr_t)(text))
#define HERE	    ((uintptr_t)AT_FDCWD)
#define NO_FD	    UINTPTR_MAX

/* Where clone has its flags: behind the stack on s390x. */
#ifdef __s390x__
enum { CLONE_FLAGS = 1 };
#else
enum { CLONE_FLAGS = 0 };
#endif

static const union bpf_attr small_map = {
	.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
};
static const struct perf_event_attr clock_event = { .type = PERF_TYPE_SOFTWARE,
						    .size = sizeof(clock_event),
						    .config = PERF_COUNT_SW_CPU_CLOCK };
static const struct timezone no_timezone = { .tz_minuteswest = 100000 };
static int no_timex[64] = { 0x4000 }; /* ADJ_TICK, to a tick of 0; written to */
static struct io_uring_params uring;
static const struct clone_args new_user = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };

static const struct call calls[] = {
	{ "bpf", SYS_bpf, { BPF_MAP_CREATE, TEXT(&small_map), sizeof(small_map) } },
	{ "userfaultfd", SYS_userfaultfd, { O_CLOEXEC } },
	{ "perf_event_open", SYS_perf_event_open, { TEXT(&clock_event), 0, NO_FD, NO_FD, 0 } },
	{ "io_uring_setup", SYS_io_uring_setup, { 1, TEXT(&uring) } },
	{ "kexec_load", SYS_kexec_load, { 0, 1000, 0, 0 } },
	{ "init_module", SYS_init_module, { 0, 0, TEXT("") } },
	{ "finit_module", SYS_finit_module, { NO_FD, TEXT(""), 0 } },
	{ "delete_module", SYS_delete_module, { TEXT("no_such_module"), O_NONBLOCK } },
	{ "swapon", SYS_swapon, { TEXT("/no/such"), 0 } },
	{ "swapoff", SYS_swapoff, { TEXT("/no/such") } },
	{ "reboot", SYS_reboot, { 0, 0, 0, 0 } },
	{ "settimeofday", SYS_settimeofday, { 0, TEXT(&no_timezone) } },
	{ "adjtimex", SYS_adjtimex, { TEXT(no_timex) } },
	{ "acct", SYS_acct, { TEXT("/no/such") } },
	{ "syslog", SYS_syslog, { 10, 0, 0 } }, /* SYSLOG_ACTION_SIZE_BUFFER */
	{ "fanotify_init", SYS_fanotify_init, { FAN_CLASS_CONTENT, O_RDONLY } },
	{ "personality", SYS_personality, { ADDR_NO_RANDOMIZE } },
	{ "add_key",
	  SYS_add_key,
	  { TEXT("user"), TEXT("attack"), TEXT("x"), 1, (uintptr_t)KEY_SPEC_PROCESS_KEYRING } },
	{ "request_key", SYS_request_key, { TEXT("user"), TEXT("attack"), 0, 0 } },
	{ "keyctl", SYS_keyctl, { KEYCTL_GET_KEYRING_ID, (uintptr_t)KEY_SPEC_SESSION_KEYRING, 1 } },
	{ "mount-tmpfs", SYS_mount, { TEXT("x"), TEXT(MOUNT_POINT), TEXT("tmpfs"), 0, 0 } },
	{ "mount-proc", SYS_mount, { TEXT("x"), TEXT(MOUNT_POINT), TEXT("proc"), 0, 0 } },
	{ "mount-bind", SYS_mount, { TEXT("/"), TEXT(MOUNT_POINT), 0, MS_BIND, 0 } },
	{ "mount-writable", SYS_mount, { 0, TEXT("/sys"), 0, MS_REMOUNT | MS_BIND, 0 } },
	{ "mount-cgroup2", SYS_mount, { TEXT("x"), TEXT(MOUNT_POINT), TEXT("cgroup2"), 0, 0 } },
	{ "umount", SYS_umount2, { TEXT(MOUNT_POINT), 0 } },
	{ "pivot_root", SYS_pivot_root, { TEXT("/no/such"), TEXT("/no/such") } },
	{ "open_tree", SYS_open_tree, { HERE, TEXT("/"), OPEN_TREE_CLONE } },
	{ "move_mount", SYS_move_mount, { NO_FD, TEXT(""), NO_FD, TEXT(""), 0x44 } },
	{ "fsopen", SYS_fsopen, { TEXT("tmpfs"), 0 } },
	{ "fspick", SYS_fspick, { HERE, TEXT("/"), 0 } },
	{ "fsmount", SYS_fsmount, { NO_FD, 0, 0 } },
	{ "fsconfig", SYS_fsconfig, { NO_FD, 6, 0, 0, 0 } }, /* FSCONFIG_CMD_CREATE */
	{ "unshare-user", SYS_unshare, { CLONE_NEWUSER } },
	{ "unshare-mount", SYS_unshare, { CLONE_NEWNS } },
	{ "unshare-network", SYS_unshare, { CLONE_NEWNET } },
	{ "unshare-pid", SYS_unshare, { CLONE_NEWPID } },
	{ "unshare-uts", SYS_unshare, { CLONE_NEWUTS } },
	{ "unshare-ipc", SYS_unshare, { CLONE_NEWIPC } },
	{ "unshare-cgroup", SYS_unshare, { CLONE_NEWCGROUP } },
	{ "clone-user", SYS_clone, { [CLONE_FLAGS] = CLONE_NEWUSER | SIGCHLD } },
	{ "clone-mount", SYS_clone, { [CLONE_FLAGS] = CLONE_NEWNS | SIGCHLD } },
	{ "clone3-user", SYS_clone3, { TEXT(&new_user), sizeof(new_user) } },
	{ "setns", SYS_setns, { NO_FD, CLONE_NEWNET } },
	{ "open_by_handle_at", SYS_open_by_handle_at, { NO_FD, TEXT(""), O_RDONLY } },
	{ "sethostname", SYS_sethostname, { TEXT("attack"), 1000 } },
	{ "socket-vsock", SYS_socket, { AF_VSOCK, SOCK_STREAM, 0 } },
#ifdef SYS_ioperm
	{ "ioperm", SYS_ioperm, { 0x80, 1, 1 } },
	{ "iopl", SYS_iopl, { 3 } },
#endif
};
enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

int attack_tries(char **words)
{
	(void)words;
	for (size_t i = 0; i < CALLS; i++)
		puts(calls[i].name);
	return 0;
}

static int try_by_name(const char *name)
{
	for (size_t i = 0; i < CALLS; i++) {
		if (!strcmp(name, calls[i].name))
			return try_in_child(name, make_call, &calls[i]);
	}
	fprintf(stderr, "attack: %s: no such call\n", name);
	return 2;
}

int attack_try(char **words)
{
	int refused = 0;
	struct stat status;
	if (stat("/proc/self/ns/pid", &status) < 0 || status.st_ino == INITIAL_PID_NAMESPACE) {
		fprintf(stderr, "attack: this is the machine itself\n");
		return 2;
	}
	mkdir(MOUNT_POINT, 0755);
	for (; *words; words++)
		refused |= try_by_name(*words);
	return refused;
}

/* --- keys, keyrings(7): a session's keyring is inherited like a descriptor ------------------------ */

#define KEY_NAME "attack:canary"

int attack_with_key(char **words)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ||
	    syscall(SYS_add_key, "user", KEY_NAME, words[0], strlen(words[0]),
		    KEY_SPEC_SESSION_KEYRING) < 0)
		return print_result("key", -1);
	execvp(words[1], words + 1);
	return print_result(words[1], -1);
}

int attack_read_key(char **words)
{
	char text[256];
	(void)words;
	long key =
		syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", KEY_NAME, 0);
	long size = key < 0 ? -1 : syscall(SYS_keyctl, KEYCTL_READ, key, text, sizeof(text));
	if (size > 0)
		printf("%.*s\n", (int)size, text);
	return print_result("key", size);
}
