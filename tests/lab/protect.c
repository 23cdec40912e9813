/*
 * Inside: the machine's own files can be read and executed, but not written. What runs in a lab is
 * often root and may be wrong, as a conductor under test or under construction is: a `rm -r` with
 * an empty variable in its path must end at "Read-only file system". See mount_setattr(2).
 *
 * Not <sys/mount.h> here, which some versions of glibc can't have beside <linux/mount.h>.
 */
#include "lab.h"

#include "common/cleanup.h"
#include "common/handshake.h"
#include "common/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>

/* What stays writable, besides the current directory: scratch places and what the kernel keeps in
 * file systems of its own. In this order: a later one may lie in an earlier one. */
static const char *const scratch[] = { "/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/dev/pts" };
enum { SCRATCH = sizeof(scratch) / sizeof(scratch[0]) };

int tree_take(int parent, const char *path)
{
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, path,
				OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (tree < 0 && errno != ENOENT)
		handshake_fail(parent, EXIT_LAB, "cannot take %s along", path);
	return tree;
}

void tree_put(int parent, int tree, const char *path)
{
	if (syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		handshake_fail(parent, EXIT_LAB, "cannot mount %s", path);
	close(tree);
}

static void make_read_only(int parent)
{
	if (sys_mount_add_flags(AT_FDCWD, "/", AT_RECURSIVE, MOUNT_ATTR_RDONLY) < 0)
		handshake_fail(parent, EXIT_LAB, "cannot make the machine's files read-only");
}

void protect_machine(int parent)
{
	AUTO_FREE char *current = realpath(".", NULL);
	bool everything = !current || !strcmp(current, "/");
	int own = everything ? -1 : tree_take(parent, current);
	int trees[SCRATCH];
	for (size_t i = 0; i < SCRATCH; i++)
		trees[i] = tree_take(parent, scratch[i]);

	make_read_only(parent);

	if (own >= 0) {
		tree_put(parent, own, current);
		/* The directory that we are in is below the new mount. */
		if (chdir(current) < 0)
			handshake_fail(parent, EXIT_LAB, "cannot go to %s", current);
	}
	for (size_t i = 0; i < SCRATCH; i++) {
		if (trees[i] >= 0)
			tree_put(parent, trees[i], scratch[i]);
	}
}
