/*
 * System calls that glibc 2.34, the oldest this runs on, has no function for, or not in every
 * version. Each behaves as its man page says: a result, or -1 with errno.
 */
#ifndef COMMON_SYSCALLS_H
#define COMMON_SYSCALLS_H

#include <linux/close_range.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* clone3(2) without CLONE_VM returns twice, like fork; the child goes on with a copy of everything.
 */
static inline pid_t sys_clone3(struct clone_args *args)
{
	return (pid_t)syscall(SYS_clone3, args, sizeof(*args));
}

static inline int sys_pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static inline int sys_pidfd_send_signal(int pidfd, int signal)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

static inline int sys_openat2(int dirfd, const char *path, struct open_how *how)
{
	return (int)syscall(SYS_openat2, dirfd, path, how, sizeof(*how));
}

static inline int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

/*
 * mount_setattr(2), to add any of MS_RDONLY, MS_NOSUID, MS_NODEV and MS_NOEXEC, which have the
 * numbers of MOUNT_ATTR_RDONLY and so on; all else stays. Its own header is not used, since older
 * versions of glibc can't have that beside <sys/mount.h>.
 */
static inline int sys_mount_add_flags(int dirfd, const char *path, int at_flags,
				      unsigned long flags)
{
	unsigned long long attr[4] = { flags }; /* struct mount_attr: what to set comes first */
	return (int)syscall(SYS_mount_setattr, dirfd, path, at_flags, attr, sizeof(attr));
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

#endif
