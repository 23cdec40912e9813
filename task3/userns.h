/* User namespaces: user_namespaces(7). An ordinary user is root only inside one of their own. */
#ifndef CONDUCTOR_USERNS_H
#define CONDUCTOR_USERNS_H

#include <stdbool.h>

/* Are our ids mapped, as in a user namespace other than the machine's own? Root in there may do
 * less. */
bool in_user_namespace(void);

/* Makes an ordinary user root of a new user namespace; does nothing for root. 0, or -1. */
int become_root(void);

/* Did become_root make one? Then the machine's network and cgroups are out of reach. */
bool is_rootless(void);

#endif
