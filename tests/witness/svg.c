#include "witness.h"
void write_svg(FILE *out, const struct record *record)
{
	(void)record;
	fputs("todo\n", out);
}
