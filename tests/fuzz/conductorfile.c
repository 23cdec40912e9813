/*
 * A Conductorfile, as somebody hands it to `conductor build`: conductorfile_parse.
 * Format: task3/conductorfile.h and "A Conductorfile describes an image" in task3/README.md.
 */
#include "task3/conductorfile.h"
#include "fuzz.h"

static void check(const struct conductorfile *file)
{
	MUST(file->count > 0 && file->count <= MAX_INSTRUCTIONS);
	for (int i = 0; i < file->count; i++) {
		const struct instruction *instruction = &file->instructions[i];
		MUST((instruction->keyword == KEYWORD_FROM) == (i == 0));
		MUST(instruction->line > (i ? instruction[-1].line : 0));
		/* It becomes a line of a layer's record. */
		MUST(*instruction->argument && !strchr(instruction->argument, '\n'));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conductorfile file;
	char *text = fuzz_text(data, size);
	if (conductorfile_parse(&file, text, size, "fuzz") == 0)
		check(&file);
	else
		MUST(file.count == 0);
	conductorfile_free(&file);
	free(text);
	return 0;
}
