/* Path rules: what is own code, what belongs to a library, the system or the kernel. */
// SPDX-License-Identifier: BSD-2-Clause
#include "detect/owner.h"

#include <string.h>

#include "base/cleanup.h"
#include "detect/symbols.h"

/* In order; runtimes and package folders first, wherever they are installed. */
static const struct {
	const char *pattern;
	enum owner owner;
} paths[] = {
	{ "[kernel]", OWNER_KERNEL }, { "[kernel.*", OWNER_KERNEL }, { "[vdso]", OWNER_SYSTEM },
	{ "[anon]", OWNER_OWN }, { "*/site-packages/*", OWNER_LIBRARY },
	{ "*/dist-packages/*", OWNER_LIBRARY }, { "*/node_modules/*", OWNER_LIBRARY },
	{ "*/.cargo/registry/*", OWNER_LIBRARY }, { "/rustc/*", OWNER_LIBRARY },
	{ "*/rustlib/src/*", OWNER_LIBRARY }, { "*/go/pkg/mod/*", OWNER_LIBRARY },
	{ "/usr/local/go/src/*", OWNER_LIBRARY }, { "/usr/local/include/*", OWNER_LIBRARY },
	{ "*/lib/python3*", OWNER_LIBRARY }, { "*/libpython3*", OWNER_LIBRARY },
	{ "*/bin/python*", OWNER_LIBRARY }, { "*/bin/node", OWNER_LIBRARY },
	{ "*/bin/ruby*", OWNER_LIBRARY }, { "*/bin/perl*", OWNER_LIBRARY },
	{ "*/bin/php*", OWNER_LIBRARY }, { "*/libjvm.so", OWNER_LIBRARY },
	{ "*/bin/java", OWNER_LIBRARY }, { "<frozen *", OWNER_LIBRARY },
	{ "<attrs generated *", OWNER_LIBRARY },
	{ "<__array_function__ internals>", OWNER_LIBRARY }, { "/usr/local/*", OWNER_OWN },
	{ "/usr/include/*", OWNER_LIBRARY }, { "/usr/lib*", OWNER_LIBRARY },
	{ "/lib/*", OWNER_LIBRARY }, { "/lib32/*", OWNER_LIBRARY }, { "/lib64/*", OWNER_LIBRARY },
	{ "/libx32/*", OWNER_LIBRARY }, { "/usr/bin/*", OWNER_SYSTEM },
	{ "/usr/sbin/*", OWNER_SYSTEM }, { "/bin/*", OWNER_SYSTEM }, { "/sbin/*", OWNER_SYSTEM },
	{ "/usr/share/*", OWNER_SYSTEM },
	{ "/usr/src/*", OWNER_LIBRARY }, /* where distributions' debug sources point */
	{ "/usr/*", OWNER_SYSTEM }, { "/snap/*", OWNER_SYSTEM }, { "/nix/store/*", OWNER_SYSTEM },
	/* Source paths of a C library as distributions build it. */
	{ "./elf/*", OWNER_LIBRARY }, { "./malloc/*", OWNER_LIBRARY },
	{ "./string/*", OWNER_LIBRARY }, { "../sysdeps/*", OWNER_LIBRARY },
	{ "[*", OWNER_KERNEL }, /* kernel modules */
};

bool owner_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

enum owner owner_of_path(const char *path)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (owner_glob(paths[i].pattern, path))
			return paths[i].owner;
	return OWNER_OWN;
}

enum owner owner_of_frame(const struct profile *p, uint32_t frame)
{
	const struct profile_frame *f = &p->frames.at[frame];
	const char *file = profile_str(p, f->file);

	if (f->kind == FRAME_KERNEL)
		return OWNER_KERNEL;
	if (f->kind == FRAME_PYTHON || *file == '<') {
		/* dataclasses write their methods themselves, into no file. */
		bool generated = !strcmp(file, "<string>") &&
				 owner_glob("__create_fn__*", profile_str(p, f->function));
		return generated ? OWNER_LIBRARY : owner_of_path(file);
	}
	if (f->kind == FRAME_JIT)
		return OWNER_OWN;
	enum owner module = owner_of_path(profile_str(p, p->modules.at[f->module].path));
	if (module != OWNER_OWN)
		return module;
	if (symbol_is_runtime(profile_str(p, f->function)))
		return OWNER_LIBRARY;
	/* A program that was built below /usr has its own sources there. */
	enum owner source = *file == '/' ? owner_of_path(file) : OWNER_OWN;
	return source == OWNER_SYSTEM ? OWNER_OWN : source;
}
