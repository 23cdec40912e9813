/*
 * A program or script, and what its loader prints of it: find_needed_files of common/libraries.c.
 * The first two bytes of the input are the program's size (little end first), then come the program
 * and what any loader that is asked is taken to have said. No loader is run here.
 * Formats: elf(5); execve(2), "Interpreter scripts"; ld.so(8), --list.
 */
#include "fuzz.h"

#include "common/process.h"

static const uint8_t *loader_output;
static size_t loader_output_size;

static int ask_no_loader(char *const argv[], char *const envp[], int errors_too, char **output)
{
	MUST(argv[0][0] == '/' && envp && !*envp && errors_too);
	*output = fuzz_text(loader_output, loader_output_size);
	return 0;
}

#define run_and_read ask_no_loader
#include "common/libraries.c" /* NOLINT(bugprone-suspicious-include) */
#undef run_and_read

/* A real file: a memfd's path ends in nothing that could be walked. */
static const char *write_program(const uint8_t *data, size_t size)
{
	static char path[PATH_MAX];
	const char *directory = getenv("TMPDIR");
	snprintf(path, sizeof(path), "%s/program-%d", directory ? directory : "/tmp",
		 (int)getpid());
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
	return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	size_t program_size = data[0] | (size_t)data[1] << 8;
	if (program_size > size - 2)
		program_size = size - 2;
	loader_output = data + 2 + program_size;
	loader_output_size = size - 2 - program_size;

	struct path_list list = { 0 };
	char why[PATH_MAX];
	if (find_needed_files(write_program(data + 2, program_size), &list, why, sizeof(why)) < 0)
		MUST(*why && memchr(why, '\0', sizeof(why)));
	for (size_t i = 0; i < list.count; i++) {
		MUST(list.paths[i][0] == '/' && !strstr(list.paths[i], "/../"));
		for (size_t j = 0; j < i; j++)
			MUST(strcmp(list.paths[i], list.paths[j]) != 0);
	}
	path_list_free(&list);
	return 0;
}
