#include "escape.h"
#include "witness.h"

#include <string.h>

/* The schema witness/1, which README.md describes. Names stay what they are: checks read them. */

static void put_words(FILE *out, char *const *words)
{
	putc('[', out);
	for (int i = 0; words[i]; i++) {
		fputs(i ? "," : "", out);
		put_json(out, words[i]);
	}
	putc(']', out);
}

/* A list of words, each of which ends in NUL. */
static void put_packed(FILE *out, const char *name, const char *words, size_t size)
{
	fprintf(out, ",\"%s\":[", name);
	for (size_t at = 0; words && at < size; at += strlen(words + at) + 1) {
		fputs(at ? "," : "", out);
		put_json(out, words + at);
	}
	putc(']', out);
}

static void put_number(FILE *out, const char *name, long long number)
{
	if (number < 0)
		fprintf(out, "\"%s\":null", name);
	else
		fprintf(out, "\"%s\":%lld", name, number);
}

static void put_spaces(FILE *out, const struct view *view)
{
	fputs(",\"namespaces\":{", out);
	for (int kind = 0; kind < SPACE_KINDS; kind++) {
		fprintf(out, "%s\"%s\":", kind ? "," : "", space_names[kind]);
		if (view->spaces[kind])
			fprintf(out, "%lu", (unsigned long)view->spaces[kind]);
		else
			fputs("null", out);
	}
	putc('}', out);
}

static void put_pids(FILE *out, const struct view *view)
{
	putc('[', out);
	for (int i = 0; i < view->pid_count; i++)
		fprintf(out, "%s%d", i ? "," : "", (int)view->pids[i]);
	putc(']', out);
}

static void put_cgroup(FILE *out, const struct view *view)
{
	fputs(",\"cgroup\":[", out);
	char line[1024];
	for (const char *at = view->cgroup; at && *at;) {
		int length = (int)strcspn(at, "\n");
		snprintf(line, sizeof(line), "%.*s", length, at);
		fputs(at == view->cgroup ? "" : ",", out);
		put_json(out, line);
		at += length + (at[length] == '\n');
	}
	fputs("],\"limits\":{", out);
	for (int i = 0; i < view->limit_count; i++) {
		fputs(i ? "," : "", out);
		put_json(out, view->limits[i].name);
		putc(':', out);
		put_json(out, view->limits[i].value);
	}
	fputs("},\"cpu\":{", out);
	put_number(out, "usage_usec", view->cpu_us);
	putc(',', out);
	put_number(out, "nr_throttled", view->throttled);
	putc('}', out);
}

static void put_view(FILE *out, const struct view *view)
{
	fputs(",\"exe\":", out);
	put_json(out, view->exe);
	put_spaces(out, view);
	fputs(",\"pids\":", out);
	put_pids(out, view);
	fputs(",\"hostname\":", out);
	put_json(out, view->hostname);
	fputs(",\"root\":", out);
	put_json(out, view->root);
	fprintf(out, ",\"root_mount\":{\"id\":%llu,\"dev\":\"%u:%u\",\"ino\":%llu},\"cwd\":",
		(unsigned long long)view->root_mount, view->root_major, view->root_minor,
		(unsigned long long)view->root_inode);
	put_json(out, view->cwd);
	put_cgroup(out, view);
}

static void put_state(FILE *out, const struct state *state)
{
	fprintf(out, "\n    {\"us\":%ld,\"event\":\"%s\",\"tid\":%d,\"detail\":", state->us,
		event_names[state->event], (int)state->tid);
	put_json(out, state->detail);
	if (state->event == EVENT_SETNS) {
		fputs(",\"target\":", out);
		put_json(out, state->target);
	}
	if (state->returned)
		fprintf(out, ",\"result\":%d", state->result);
	else
		fputs(",\"result\":null", out);
	if (state->event == EVENT_EXEC) {
		put_packed(out, "argv", state->argv, state->argv_size);
		put_packed(out, "root_entries", state->root_entries, state->root_entries_size);
	}
	put_view(out, &state->view);
	putc('}', out);
}

static void put_ending(FILE *out, const struct process *process)
{
	if (process->ending == STILL_RUNNING)
		fputs("\"ended_us\":null,\"exit\":null", out);
	else
		fprintf(out, "\"ended_us\":%ld,\"exit\":{\"%s\":%d}", process->ended_us,
			process->ending == ENDED_BY_EXIT ? "status" : "signal", process->code);
}

static void put_process(FILE *out, const struct process *process)
{
	fprintf(out, "\n  {\"n\":%d,\"pid\":%d,\"pids\":", process->n, (int)process->pid);
	put_pids(out, &process->first->view);
	if (process->parent)
		fprintf(out, ",\"parent\":%d", process->parent->n);
	else
		fputs(",\"parent\":null", out);
	fprintf(out, ",\"born_us\":%ld,", process->born_us);
	put_ending(out, process);
	fputs(",\"states\":[", out);
	for (const struct state *state = process->first; state; state = state->next) {
		fputs(state == process->first ? "" : ",", out);
		put_state(out, state);
	}
	fputs("]}", out);
}

void write_json(FILE *out, const struct record *record)
{
	fputs("{\"schema\":\"witness/1\",\"command\":", out);
	put_words(out, record->command);
	fputs(",\"kernel\":", out);
	put_json(out, record->kernel);
	fprintf(out,
		",\"began\":\"%s\",\"duration_us\":%ld,\"status\":%d,\"unrecorded\":%zu,"
		"\"warnings\":[",
		record->began, record->duration_us, record->status, record->unrecorded);
	for (size_t i = 0; i < record->warning_count; i++) {
		fputs(i ? "," : "", out);
		put_json(out, record->warnings[i]);
	}
	fputs("],\"processes\":[", out);
	for (size_t i = 0; i < record->process_count; i++) {
		fputs(i ? "," : "", out);
		put_process(out, record->processes[i]);
	}
	fputs("]}\n", out);
}
