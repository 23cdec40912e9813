/*
 * replay - hands files to a fuzz target, without libFuzzer: so on any machine
 *
 *     replay FILE...
 *
 * Linked with one target of tests/fuzz, whose checks must hold for each file. Ends by abort where one
 * doesn't. What the functions under test report goes to stderr.
 */
#include "tests/fuzz/fuzz.h"

static void replay(const char *path)
{
	static uint8_t data[1 << 20];
	FILE *file = fopen(path, "r");
	MUST(file);
	size_t size = fread(data, 1, sizeof(data), file);
	MUST(!ferror(file) && size < sizeof(data));
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
}

int main(int argc, char **argv)
{
	MUST(argc > 1);
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	return 0;
}
