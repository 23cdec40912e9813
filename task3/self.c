/*
 * The program that runs in a container for a moment, between setns(2) or clone(2) and execve(2), is
 * conductor itself; and an image whose shell is a script of `#!/proc/self/exe` has it run there for
 * good. Processes of the container can open what /proc/PID/exe names, and once nobody executes it
 * any more, write to it: the host's own conductor, which root will run next (CVE-2019-5736).
 *
 * So conductor executes itself again from where nobody can write: a read-only mount of its file
 * that is in no directory; or, where no such mount may be made (an ordinary user), a copy in memory
 * that is sealed. The mount takes 0.4 ms, the copy twice that.
 */
#include "command.h"

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "common/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3, glibc 2.38 */
#endif

#define OWN_FILE "/proc/self/exe"
enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

static bool is_unwritable(void)
{
	struct statvfs mount;
	if (statvfs(OWN_FILE, &mount) == 0 && mount.f_flag & ST_RDONLY)
		return true;
	AUTO_CLOSE int fd = open(OWN_FILE, O_RDONLY | O_CLOEXEC);
	int seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS); /* -1: no file in memory */
	return seals >= 0 && (seals & SEALS) == SEALS;
}

static int mount_read_only(void)
{
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, OWN_FILE,
				OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree >= 0 && sys_mount_add_flags(tree, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY) < 0)
		close_fd(&tree);
	return tree;
}

/* A memfd that may be executed, which has to be asked for where vm.memfd_noexec says so (Linux 6.3); a
 * kernel before that refuses the flag. */
static int make_executable_memfd(void)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("conductor", flags | MFD_EXEC);
	return fd < 0 && errno == EINVAL ? memfd_create("conductor", flags) : fd;
}

static int copy_sealed(void)
{
	AUTO_CLOSE int from = open(OWN_FILE, O_RDONLY | O_CLOEXEC);
	int copy = make_executable_memfd();
	if (copy >= 0 &&
	    (from < 0 || copy_data(from, copy) < 0 || fcntl(copy, F_ADD_SEALS, SEALS) < 0))
		close_fd(&copy);
	return copy;
}

int become_unwritable(char *const argv[])
{
	if (is_unwritable()) {
		prctl(PR_SET_NAME, "conductor"); /* the kernel called it by a number */
		return 0;
	}
	AUTO_CLOSE int file = mount_read_only();
	if (file < 0)
		file = copy_sealed();
	if (file >= 0)
		syscall(SYS_execveat, file, "", argv, environ, AT_EMPTY_PATH);
	report_errno("", "cannot execute a copy of itself that nobody can write");
	return -1;
}
