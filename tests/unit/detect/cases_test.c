/* Runs every case below tests/cases/detect: folded stacks and sources in, findings out. */
// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "unit.h"

#include <dirent.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "detect/detect.h"
#include "formats/formats.h"

#define CASES "tests/cases/detect"
enum { CASES_MAX = 256 };

CLEANUP_DEFINE(struct profile *, profile_free)
CLEANUP_DEFINE(struct findings *, findings_free)

static char *read_file(const char *folder, const char *name, size_t *n)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "r");
	if (!f)
		return NULL;
	char *text = malloc(1 << 20);
	*n = fread(text, 1, (1 << 20) - 1, f);
	text[*n] = 0;
	fclose(f);
	return text;
}

/* Deals the samples of each stack evenly over @buckets, as a steady program would. */
static struct profile *spread(struct profile *p, uint32_t buckets)
{
	uint32_t n = p->samples.n;
	struct profile_sample *old = malloc(n * sizeof(*old));

	memcpy(old, p->samples.at, n * sizeof(*old));
	profile_samples_drop(p, n);
	p->capture.weights_imported = false;
	p->capture.duration_ns = (uint64_t)buckets * PROFILE_BUCKET_NS;
	for (uint32_t b = 0; b < buckets; b++)
		for (uint32_t i = 0; i < n; i++) {
			struct profile_sample s = old[i];
			uint64_t from = ((uint64_t)old[i].count * b + i * 7 % buckets) / buckets;
			uint64_t to =
				((uint64_t)old[i].count * (b + 1) + i * 7 % buckets) / buckets;
			s.bucket = b;
			s.count = (uint32_t)(to - from);
			s.value = s.count;
			if (s.count)
				assert_int_equal(profile_sample(p, &s), 0);
		}
	free(old);
	return p;
}

static void add_sources(struct profile *p, const char *folder)
{
	char path[512];
	uint32_t strings = p->strings.n;

	snprintf(path, sizeof(path), "%s/src", folder);
	for (uint32_t i = 1; i < strings; i++) {
		size_t n;
		const char *name = profile_str(p, i);
		if (strchr(name, ' ') || !strchr(name, '.'))
			continue;
		CLEANUP(freep) char *text = read_file(path, profile_basename(name), &n);
		if (text)
			assert_int_equal(profile_source(p, i, 1, text), 0);
	}
}

static const struct finding *find(
	const struct findings *f, const char *kind, const char *function, char *seen, size_t bytes)
{
	const struct finding *found = NULL;

	seen[0] = 0;
	vec_each (one, &f->list) {
		CLEANUP(freep) char *name = findings_function_name(f, one->function_id);
		size_t n = strlen(seen);
		snprintf(seen + n, bytes - n, "\n    %s %s %s %.0f %%: %s",
			finding_kind_name(one->kind), name, severity_name(one->severity),
			100 * one->impact, one->description);
		if (!strcmp(finding_kind_name(one->kind), kind) && !strcmp(name, function))
			found = one;
	}
	return found;
}

static void check_line(const struct findings *f, const char *line)
{
	char word[4][128] = { "" }, seen[8192];
	int words = sscanf(line, "%127s %127s %127s %127s", word[0], word[1], word[2], word[3]);

	const struct finding *one = find(f, word[1], word[2], seen, sizeof(seen));
	if (words <= 0 || word[0][0] == '#')
		return;
	if (!strcmp(word[0], "expect")) {
		if (!one || strcmp(severity_name(one->severity), word[3]))
			fail_msg("wanted '%s', found:%s", line, seen);
	} else if (!strcmp(word[0], "fix")) {
		if (!one || !one->fixes.n || !strstr(one->fixes.at[0].title, strstr(line, word[3])))
			fail_msg("wanted '%s', first fix: %s", line,
				one && one->fixes.n ? one->fixes.at[0].title : "none");
	} else if (!strcmp(word[0], "line")) {
		if (!one || one->line != strtoul(word[3], NULL, 10))
			fail_msg("wanted '%s', found line %u", line, one ? one->line : 0);
	} else if (!strcmp(word[0], "at_most")) {
		vec_each (any, &f->list)
			if (strcmp(word[1], "low") ? any->severity > SEVERITY_MEDIUM
						   : any->severity > SEVERITY_LOW)
				fail_msg("wanted '%s', found:%s", line, seen);
	} else if (!strcmp(word[0], "none")) {
		vec_each (any, &f->list)
			if (!strcmp(finding_kind_name(any->kind), word[1]))
				fail_msg("wanted '%s', found:%s", line, seen);
	} else if (!strcmp(word[0], "nothing")) {
		if (f->list.n)
			fail_msg("wanted no finding, found:%s", seen);
	} else if (!strcmp(word[0], "count")) {
		if (f->list.n != strtoul(word[1], NULL, 10))
			fail_msg("wanted '%s', found:%s", line, seen);
	} else if (strcmp(word[0], "buckets") != 0) {
		fail_msg("unknown word '%s'", word[0]);
	}
}

static void case_runs(void **state)
{
	const char *folder = *state;
	CLEANUP(profile_freep) struct profile *p = NULL;
	CLEANUP(findings_freep) struct findings *f = NULL;
	struct error err = { 0 };
	size_t folded_bytes, case_bytes;
	CLEANUP(freep) char *folded = read_file(folder, "input.folded", &folded_bytes);
	CLEANUP(freep) char *lines = read_file(folder, "case", &case_bytes);
	uint32_t buckets = 40;

	assert_non_null(folded);
	assert_non_null(lines);
	if (format_find("folded")->read(folded, folded_bytes, &p, &err))
		fail_msg("%s", err.text);
	const char *given = strstr(lines, "buckets ");
	if (given)
		buckets = (uint32_t)strtoul(given + 8, NULL, 10);
	if (buckets)
		spread(p, buckets);
	add_sources(p, folder);
	assert_int_equal(detect(&(struct detect_input){ .profile = p }, &f, &err), 0);
	char *save;
	for (char *line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		check_line(f, line);
}

int main(void)
{
	struct CMUnitTest tests[CASES_MAX];
	static char folders[CASES_MAX][256], names[CASES_MAX][256];
	struct dirent **entries;
	int n = scandir(CASES, &entries, NULL, alphasort);
	size_t count = 0;

	for (int i = 0; i < n; i++) {
		if (entries[i]->d_name[0] != '.' && entries[i]->d_type == DT_DIR &&
			count < CASES_MAX) {
			snprintf(folders[count], sizeof(folders[0]), CASES "/%.200s",
				entries[i]->d_name);
			snprintf(names[count], sizeof(names[0]), "%s", entries[i]->d_name);
			tests[count] = (struct CMUnitTest){ names[count], case_runs, NULL, NULL,
				folders[count] };
			count++;
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	if (!count) {
		printf("not ok 1 - no cases in " CASES "\n");
		return 1;
	}
	return _cmocka_run_group_tests(__FILE__, tests, count, NULL, NULL);
}
