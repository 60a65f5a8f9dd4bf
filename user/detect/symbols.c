/* The symbol tables. A row needs no test workload in mind: it holds for the library everywhere. */
// SPDX-License-Identifier: BSD-2-Clause
#include "detect/symbols.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "detect/owner.h"

#define REGEX_FIX        "compile the pattern once, keep the compiled form, and only match with it"
#define CRYPTO_FIX       "fetch the algorithm or build the context once and keep it"
#define QUERY_FIX        "prepare the statement once and bind new values to it"
#define MODULE_FIX       "parse it at module level or under functools.lru_cache, and share the result"
#define PYTHON_REGEX_FIX "re.compile() the pattern once when the module is loaded, and use that"

static const struct symbol_row rows[] = {
	{ "regcomp", SYMBOL_SETUP, "compiles a regular expression", REGEX_FIX, true, NULL },
	{ "re_compile_internal", SYMBOL_SETUP, "compiles a regular expression", REGEX_FIX, true,
		"regcomp" },
	{ "re_compile_pattern", SYMBOL_SETUP, "compiles a regular expression", REGEX_FIX, true,
		NULL },
	{ "rpl_re_compile*", SYMBOL_SETUP, "compiles a regular expression", REGEX_FIX, true,
		"re_compile_pattern" },
	{ "pcre_compile*", SYMBOL_SETUP, "compiles a regular expression", REGEX_FIX, true, NULL },
	{ "pcre2_compile_*", SYMBOL_SETUP, "compiles a regular expression", REGEX_FIX, true,
		"pcre2_compile" },
	{ "pcre2_jit_compile_*", SYMBOL_SETUP, "compiles a regular expression", REGEX_FIX, true,
		"pcre2_jit_compile" },
	{ "onig_new*", SYMBOL_SETUP, "compiles a regular expression", REGEX_FIX, true, NULL },
	{ "hs_compile*", SYMBOL_SETUP, "compiles a pattern database", REGEX_FIX, true, NULL },
	{ "g_regex_new", SYMBOL_SETUP, "compiles a regular expression", REGEX_FIX, true, NULL },
	{ "*std::__cxx11::basic_regex<*>::basic_regex*", SYMBOL_SETUP,
		"compiles a regular expression", REGEX_FIX, true, "regex" },
	{ "*std::__cxx11::basic_regex<*>::_M_compile*", SYMBOL_SETUP,
		"compiles a regular expression", REGEX_FIX, true, "regex" },
	{ "*std::__detail::_Compiler<*", SYMBOL_SETUP, "compiles a regular expression", REGEX_FIX,
		true, "regex" },
	{ "re2::RE2::RE2*", SYMBOL_SETUP, "compiles a regular expression", REGEX_FIX, true, "RE2" },
	{ "regexp.Compile", SYMBOL_SETUP, "compiles a regular expression", REGEX_FIX, true,
		"Compile" },
	{ "regexp.MustCompile", SYMBOL_SETUP, "compiles a regular expression", REGEX_FIX, true,
		"MustCompile" },
	{ "regex::*::RegexBuilder::build*", SYMBOL_SETUP, "compiles a regular expression",
		REGEX_FIX, true, "new" },
	/* What undoes it belongs to it. */
	{ "regfree", SYMBOL_SETUP, "compiles a regular expression", REGEX_FIX, true, "regcomp" },
	{ "pcre2_code_free_*", SYMBOL_SETUP, "compiles a regular expression", REGEX_FIX, true,
		"pcre2_compile" },
	{ "iconv_close", SYMBOL_SETUP, "loads a character set conversion",
		"open the conversion once and reset it with iconv(cd, NULL, ...)", true,
		"iconv_open" },
	{ "SSL_CTX_free", SYMBOL_SETUP, "builds a TLS context", CRYPTO_FIX, true, "SSL_CTX_new" },
	{ "XML_ParserFree", SYMBOL_SETUP, "creates an XML parser",
		"keep the parser and use XML_ParserReset", true, "XML_ParserCreate" },
	{ "sqlite3_finalize", SYMBOL_SETUP, "prepares an SQL statement", QUERY_FIX, true,
		"sqlite3_prepare_v2" },
	{ "iconv_open", SYMBOL_SETUP, "loads a character set conversion",
		"open the conversion once and reset it with iconv(cd, NULL, ...)", true, NULL },
	{ "setlocale", SYMBOL_SETUP, "loads a locale", "set the locale once at the start", true,
		NULL },
	{ "newlocale", SYMBOL_SETUP, "loads a locale", "create the locale object once", true,
		NULL },
	{ "dlopen*", SYMBOL_SETUP, "loads a shared library", "keep the handle", true, "dlopen" },
	{ "dlsym*", SYMBOL_SETUP, "looks a symbol up", "keep the function pointer", true, "dlsym" },
	{ "tzset*", SYMBOL_SETUP, "reads the time zone",
		"set TZ, and call tzset only when it changes", true, "tzset" },
	{ "__tzfile_read", SYMBOL_SETUP, "reads the time zone file",
		"set TZ (TZ=:/etc/localtime), so that the file is not checked at every call", true,
		"localtime" },
	{ "SSL_CTX_new*", SYMBOL_SETUP, "builds a TLS context", CRYPTO_FIX, true, "SSL_CTX_new" },
	{ "SSL_CTX_load_verify_*", SYMBOL_SETUP, "loads the trusted certificates", CRYPTO_FIX, true,
		NULL },
	{ "X509_STORE_load_*", SYMBOL_SETUP, "loads the trusted certificates", CRYPTO_FIX, true,
		NULL },
	{ "EVP_*_fetch", SYMBOL_SETUP, "looks an algorithm up by name", CRYPTO_FIX, true, NULL },
	{ "evp_generic_fetch", SYMBOL_SETUP, "looks an algorithm up by name", CRYPTO_FIX, true,
		"EVP_MD_fetch" },
	{ "inner_evp_generic_fetch*", SYMBOL_SETUP, "looks an algorithm up by name", CRYPTO_FIX,
		true, "EVP_MD_fetch" },
	{ "XML_ParserCreate*", SYMBOL_SETUP, "creates an XML parser",
		"keep the parser and use XML_ParserReset", true, NULL },
	{ "xsltParseStylesheet*", SYMBOL_SETUP, "compiles a style sheet", "compile it once", true,
		NULL },
	{ "xmlXPathCompile", SYMBOL_SETUP, "compiles an XPath expression", "compile it once", true,
		NULL },
	{ "sqlite3_open*", SYMBOL_SETUP, "opens a database", "keep the connection open", true,
		NULL },
	{ "sqlite3_prepare*", SYMBOL_SETUP, "prepares an SQL statement", QUERY_FIX, true, NULL },
	{ "sqlite3LockAndPrepare", SYMBOL_SETUP, "prepares an SQL statement", QUERY_FIX, true,
		"sqlite3_prepare_v2" },
	{ "PQconnectdb*", SYMBOL_SETUP, "connects to a database", "keep connections in a pool",
		true, NULL },
	{ "mysql_real_connect", SYMBOL_SETUP, "connects to a database",
		"keep connections in a pool", true, NULL },
	{ "curl_easy_init", SYMBOL_SETUP, "creates a transfer handle",
		"keep the handle and use curl_easy_reset: it keeps connections and TLS sessions",
		true, NULL },
	{ "curl_global_init", SYMBOL_SETUP, "initialises libcurl", "call it once", true, NULL },
	{ "FT_Init_FreeType", SYMBOL_SETUP, "initialises FreeType", "keep the library object", true,
		NULL },
	{ "getpwnam*", SYMBOL_SETUP, "reads the user database", "remember the answer", false,
		NULL },
	{ "getpwuid*", SYMBOL_SETUP, "reads the user database", "remember the answer", false,
		NULL },
	{ "getgrnam*", SYMBOL_SETUP, "reads the group database", "remember the answer", false,
		NULL },
	{ "getgrgid*", SYMBOL_SETUP, "reads the group database", "remember the answer", false,
		NULL },
	{ "getaddrinfo", SYMBOL_SETUP, "resolves a host name",
		"remember the addresses for as long as the name is valid", false, NULL },
	{ "gethostbyname*", SYMBOL_SETUP, "resolves a host name",
		"remember the addresses for as long as the name is valid", false, NULL },
	{ "qsort", SYMBOL_SETUP, "sorts an array",
		"sort once, or insert into the sorted array, or keep a heap", false, NULL },
	{ "qsort_r", SYMBOL_SETUP, "sorts an array",
		"sort once, or insert into the sorted array, or keep a heap", false, NULL },
	{ "*std::sort<*", SYMBOL_SETUP, "sorts a range",
		"sort once, or insert into the sorted range, or keep a heap", false, "sort" },
	{ "*std::__introsort_loop<*", SYMBOL_SETUP, "sorts a range",
		"sort once, or insert into the sorted range, or keep a heap", false, "sort" },
	{ "json_tokener_parse*", SYMBOL_SETUP, "parses JSON", "parse it once and keep the result",
		false, NULL },
	{ "json_object_from_file", SYMBOL_SETUP, "reads and parses a JSON file",
		"read it once, and again when the file changes", true, NULL },
	{ "json_load*", SYMBOL_SETUP, "parses JSON", "parse it once and keep the result", false,
		NULL },
	{ "cJSON_Parse*", SYMBOL_SETUP, "parses JSON", "parse it once and keep the result", false,
		NULL },
	{ "yaml_parser_load", SYMBOL_SETUP, "parses YAML", "parse it once and keep the result",
		false, NULL },
	{ "xmlReadFile", SYMBOL_SETUP, "reads and parses an XML file",
		"read it once, and again when the file changes", true, NULL },
	{ "xmlReadMemory", SYMBOL_SETUP, "parses XML", "parse it once and keep the result", false,
		NULL },

	/* Python's own; re._compile is also where re looks its patterns up again. */
	{ "json.loads", SYMBOL_SETUP, "parses JSON", MODULE_FIX, .callee = "loads" },
	{ "tomllib.*loads", SYMBOL_SETUP, "parses TOML", MODULE_FIX, .callee = "loads" },
	{ "yaml.load", SYMBOL_SETUP, "parses YAML", MODULE_FIX, .callee = "load" },
	{ "yaml.safe_load", SYMBOL_SETUP, "parses YAML", MODULE_FIX, .callee = "safe_load" },
	{ "ast.literal_eval", SYMBOL_SETUP, "parses Python text", MODULE_FIX,
		.callee = "literal_eval" },
	{ "xml.etree.ElementTree.XML", SYMBOL_SETUP, "parses XML", MODULE_FIX,
		.callee = "fromstring|XML" },
	{ "_strptime._strptime*", SYMBOL_SETUP, "parses a date", MODULE_FIX, .callee = "strptime" },
	{ "re._compile", SYMBOL_SETUP, "compiles a regular expression or finds it compiled",
		PYTHON_REGEX_FIX,
		.callee = "compile|match|search|fullmatch|sub|subn|split|findall|finditer",
		.inputs = 1 },
	{ "ssl.create_default_context", SYMBOL_SETUP, "loads the trusted certificates", CRYPTO_FIX,
		.callee = "create_default_context" },
	{ "jinja2.environment.Environment.compile", SYMBOL_SETUP, "compiles a template",
		"keep the compiled template, or let an Environment's loader keep it",
		.callee = "from_string|Template" },

	{ "strlen", SYMBOL_SCAN },
	{ "strnlen", SYMBOL_SCAN },
	{ "wcslen", SYMBOL_SCAN },
	{ "strchr", SYMBOL_SCAN },
	{ "strchrnul", SYMBOL_SCAN },
	{ "strrchr", SYMBOL_SCAN },
	{ "strstr", SYMBOL_SCAN },
	{ "strcasestr", SYMBOL_SCAN },
	{ "strspn", SYMBOL_SCAN },
	{ "strcspn", SYMBOL_SCAN },
	{ "strpbrk", SYMBOL_SCAN },
	{ "memchr", SYMBOL_SCAN },
	{ "rawmemchr", SYMBOL_SCAN },
	{ "memrchr", SYMBOL_SCAN },
	{ "memmem", SYMBOL_SCAN },
	{ "wmemchr", SYMBOL_SCAN },
	{ "strcmp", SYMBOL_SCAN },
	{ "strncmp", SYMBOL_SCAN },
	{ "strcasecmp", SYMBOL_SCAN },
	{ "strncasecmp", SYMBOL_SCAN },
	{ "strcasecmp_l", SYMBOL_SCAN },
	{ "strcoll", SYMBOL_SCAN },
	{ "strcoll_l", SYMBOL_SCAN },
	{ "memcmp", SYMBOL_SCAN },
	{ "bcmp", SYMBOL_SCAN },
	{ "memcmpeq", SYMBOL_SCAN },
	{ "wcscmp", SYMBOL_SCAN },
	{ "lfind", SYMBOL_SCAN },
	{ "lsearch", SYMBOL_SCAN },
	{ "*std::find<*", SYMBOL_SCAN, .callee = "find" },
	{ "*std::find_if<*", SYMBOL_SCAN, .callee = "find_if" },
	{ "*std::__find_if<*", SYMBOL_SCAN, .callee = "find" },
	{ "*std::any_of<*", SYMBOL_SCAN, .callee = "any_of" },
	{ "*std::count<*", SYMBOL_SCAN, .callee = "count" },
	{ "*std::ranges::__find_fn*", SYMBOL_SCAN, .callee = "find" },
	{ "g_list_find", SYMBOL_SCAN },
	{ "g_list_nth*", SYMBOL_SCAN },
	{ "g_slist_find", SYMBOL_SCAN },
	{ "g_slist_nth*", SYMBOL_SCAN },
	{ "g_list_append", SYMBOL_SCAN },
	{ "g_slist_append", SYMBOL_SCAN },
	{ "g_list_length", SYMBOL_SCAN },
	{ "g_slist_length", SYMBOL_SCAN },
	{ "strcat", SYMBOL_SCAN },
	{ "strncat", SYMBOL_SCAN },

	{ "memcpy", SYMBOL_COPY },
	{ "memmove", SYMBOL_COPY },
	{ "mempcpy", SYMBOL_COPY },
	{ "memcpy_*", SYMBOL_COPY, .callee = "memcpy" },
	{ "memmove_*", SYMBOL_COPY, .callee = "memmove" },
	{ "bcopy", SYMBOL_COPY },
	{ "strcpy", SYMBOL_COPY },
	{ "strncpy", SYMBOL_COPY },
	{ "stpcpy", SYMBOL_COPY },
	{ "stpncpy", SYMBOL_COPY },
	{ "strlcpy", SYMBOL_COPY },
	{ "wmemcpy", SYMBOL_COPY },
	{ "wcscpy", SYMBOL_COPY },
	{ "copy_user_*", SYMBOL_COPY, .callee = "copy_to_user" },
	{ "copy_to_user*", SYMBOL_COPY },
	{ "copy_from_user*", SYMBOL_COPY },
	{ "_copy_to_iter", SYMBOL_COPY },
	{ "_copy_from_iter*", SYMBOL_COPY },
	{ "rep_movs_alternative", SYMBOL_COPY },
	{ "copy_page_to_iter*", SYMBOL_COPY },
	{ "*std::__cxx11::basic_string<*>::_M_append*", SYMBOL_COPY, .callee = "append" },
	{ "*std::__cxx11::basic_string<*>::_M_replace*", SYMBOL_COPY, .callee = "append" },
	{ "*std::__cxx11::basic_string<*>::_M_mutate*", SYMBOL_COPY, .callee = "append" },
	{ "*std::__cxx11::basic_string<*>::append*", SYMBOL_COPY, .callee = "append" },
	{ "*std::__cxx11::basic_string<*>::_M_assign*", SYMBOL_COPY, .callee = "assign" },
	{ "runtime.memmove", SYMBOL_COPY },
	{ "runtime.growslice", SYMBOL_COPY, .callee = "append" },
	{ "runtime.concatstring*", SYMBOL_COPY },
	{ "PyUnicode_Concat", SYMBOL_CONCAT },
	{ "PyUnicode_Append", SYMBOL_CONCAT },
	{ "unicode_concatenate", SYMBOL_CONCAT },

	{ "realloc", SYMBOL_GROW },
	{ "reallocarray", SYMBOL_GROW, .callee = "reallocarray" },
	{ "mremap*", SYMBOL_GROW, .callee = "realloc" },
	{ "mremap_chunk", SYMBOL_GROW, .callee = "realloc" },
	{ "_int_realloc", SYMBOL_GROW, .callee = "realloc" },
	{ "g_realloc*", SYMBOL_GROW },

	{ "malloc", SYMBOL_ALLOC },
	{ "calloc", SYMBOL_ALLOC },
	{ "memalign", SYMBOL_ALLOC },
	{ "posix_memalign", SYMBOL_ALLOC },
	{ "aligned_alloc", SYMBOL_ALLOC },
	{ "strdup", SYMBOL_ALLOC },
	{ "strndup", SYMBOL_ALLOC },
	{ "_int_malloc", SYMBOL_ALLOC },
	{ "_int_memalign", SYMBOL_ALLOC },
	{ "sysmalloc", SYMBOL_ALLOC },
	{ "ptmalloc_init*", SYMBOL_ALLOC },
	{ "tcache_get*", SYMBOL_ALLOC },
	{ "tcache_init*", SYMBOL_ALLOC },
	{ "alloc_perturb", SYMBOL_ALLOC },
	{ "checked_request2size", SYMBOL_ALLOC },
	{ "operator new*", SYMBOL_ALLOC },
	{ "_Znwm", SYMBOL_ALLOC },
	{ "_Znam", SYMBOL_ALLOC },
	{ "je_malloc*", SYMBOL_ALLOC },
	{ "je_calloc*", SYMBOL_ALLOC },
	{ "je_arena_malloc*", SYMBOL_ALLOC },
	{ "je_tcache_alloc*", SYMBOL_ALLOC },
	{ "tc_malloc*", SYMBOL_ALLOC },
	{ "tc_calloc*", SYMBOL_ALLOC },
	{ "tc_new*", SYMBOL_ALLOC },
	{ "mi_malloc*", SYMBOL_ALLOC },
	{ "mi_calloc*", SYMBOL_ALLOC },
	{ "_mi_malloc_generic", SYMBOL_ALLOC },
	{ "g_malloc*", SYMBOL_ALLOC },
	{ "g_slice_alloc*", SYMBOL_ALLOC },
	{ "PyObject_Malloc", SYMBOL_ALLOC },
	{ "runtime.mallocgc*", SYMBOL_ALLOC },
	{ "runtime.newobject", SYMBOL_ALLOC },
	{ "runtime.makeslice", SYMBOL_ALLOC },
	{ "__rust_alloc*", SYMBOL_ALLOC },
	{ "__rdl_alloc*", SYMBOL_ALLOC },

	{ "free", SYMBOL_FREE },
	{ "cfree", SYMBOL_FREE },
	{ "_int_free*", SYMBOL_FREE },
	{ "unlink_chunk*", SYMBOL_FREE },
	{ "malloc_consolidate", SYMBOL_FREE },
	{ "tcache_put*", SYMBOL_FREE },
	{ "systrim*", SYMBOL_FREE },
	{ "munmap_chunk", SYMBOL_FREE },
	{ "heap_trim*", SYMBOL_FREE },
	{ "operator delete*", SYMBOL_FREE },
	{ "_ZdlPv*", SYMBOL_FREE },
	{ "_ZdaPv*", SYMBOL_FREE },
	{ "je_free*", SYMBOL_FREE },
	{ "je_arena_dalloc*", SYMBOL_FREE },
	{ "je_tcache_*", SYMBOL_FREE },
	{ "je_sdallocx*", SYMBOL_FREE },
	{ "tc_free*", SYMBOL_FREE },
	{ "tc_delete*", SYMBOL_FREE },
	{ "mi_free*", SYMBOL_FREE },
	{ "_mi_free*", SYMBOL_FREE },
	{ "g_free", SYMBOL_FREE },
	{ "g_slice_free*", SYMBOL_FREE },
	{ "PyObject_Free", SYMBOL_FREE },
	{ "runtime.gcBgMarkWorker*", SYMBOL_FREE },
	{ "runtime.scanobject", SYMBOL_FREE },
	{ "__rust_dealloc", SYMBOL_FREE },
	{ "__rdl_dealloc", SYMBOL_FREE },
};

/* Code that nobody calls "own", wherever it was linked into. */
static const char *const runtime[] = {
	"_start",
	"__libc_start_*",
	"__libc_csu_*",
	"start_thread",
	"clone",
	"clone3",
	"__clone*",
	"_dl_*",
	"__GI_*",
	"__libc_*",
	"_IO_*",
	"__printf_*",
	"__vfprintf_*",
	"*_IO_vfprintf*",
	"__memset_*",
	"__pthread_*",
	"__cxa_*",
	"_Unwind_*",
	"runtime.*",
	"core::*",
	"<core::*",
	"alloc::*",
	"<alloc::*",
	"hashbrown::*",
	"__restore_rt",
	"_fini",
	"_init",
	"PyEval_*",
	"_PyEval_*",
	"PyObject_*",
	"_PyObject_*",
	"msort_with_tmp*",
};

/* "__strlen_avx2_rtm" -> "strlen", "__GI___libc_malloc" -> "malloc". */
static void strip_variant(char *name)
{
	static const char *const ends[] = { "_avx", "_sse", "_evex", "_erms", "_ssse3", "_generic",
		"_unaligned", "_rtm", "_no_vzeroupper" };
	static const char *const starts[] = { "__GI_", "__libc_", "__" };

	if (name[0] != '_' || name[1] != '_')
		return;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		size_t n = strlen(starts[i]);
		if (!strncmp(name, starts[i], n) && name[n])
			memmove(name, name + n, strlen(name + n) + 1);
	}
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char *end = strstr(name, ends[i]);
		if (end && end != name)
			*end = 0;
	}
}

static const struct symbol_row *lookup(const char *name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].pattern[0] == name[0] || rows[i].pattern[0] == '*')
			if (owner_glob(rows[i].pattern, name))
				return &rows[i];
	return NULL;
}

const struct symbol_row *symbol_find(const char *name)
{
	char plain[128];
	const struct symbol_row *row = lookup(name);

	if (row || strlen(name) >= sizeof(plain))
		return row;
	strcpy(plain, name);
	char *version = strchr(plain, '@');
	if (version && version != plain)
		*version = 0;
	strip_variant(plain);
	return strcmp(plain, name) ? lookup(plain) : NULL;
}

/* Past the folder that packages lie in: "json/__init__.py". */
static const char *python_package(const char *file)
{
	static const char *const folders[] = { "/site-packages/", "/dist-packages/",
		"/lib-dynload/" };
	const char *at;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if ((at = strstr(file, folders[i])))
			return at + strlen(folders[i]);
	at = strstr(file, "/lib/python3");
	at = at ? strchr(at + strlen("/lib/"), '/') : NULL;
	return at ? at + 1 : NULL;
}

const struct symbol_row *symbol_find_python(const char *file, const char *function)
{
	static const char init[] = "/__init__";
	char name[256];
	const char *package = python_package(file);
	const char *end = package ? strrchr(package, '.') : NULL;

	if (!end)
		return NULL;
	int n = (int)(end - package);
	if (n > (int)strlen(init) && !strncmp(end - strlen(init), init, strlen(init)))
		n -= (int)strlen(init);
	if (snprintf(name, sizeof(name), "%.*s.%s", n, package, function) >= (int)sizeof(name))
		return NULL;
	for (int i = 0; i < n; i++)
		name[i] = name[i] == '/' ? '.' : name[i];
	return lookup(name);
}

bool symbol_is_interpreter(const char *name)
{
	return owner_glob("_PyEval_EvalFrame*", name) || owner_glob("PyEval_EvalFrame*", name);
}

/* Is it a C++ name of namespace std (or GNU's part of it)? A template's name follows the type it
 * returns: "void std::sort<int*>(int*, int*)"; arguments do not count. */
bool symbol_is_std(const char *name)
{
	int depth = 0;
	bool word = true;

	for (; *name && *name != '('; name++) {
		if (word && !depth &&
			(!strncmp(name, "std::", 5) || !strncmp(name, "__gnu_cxx::", 11)))
			return true;
		depth += *name == '<';
		depth -= *name == '>' && depth;
		word = *name == ' ';
	}
	return false;
}

bool symbol_is_runtime(const char *name)
{
	if (!*name)
		return false;
	if (symbol_is_std(name))
		return true;
	for (size_t i = 0; i < sizeof(runtime) / sizeof(runtime[0]); i++)
		if (owner_glob(runtime[i], name))
			return true;
	return symbol_find(name) != NULL;
}

void symbol_plain(const char *name, char *out, unsigned int out_bytes)
{
	char text[512];
	size_t n = strnlen(name, sizeof(text) - 1);

	memcpy(text, name, n);
	text[n] = 0;
	strip_variant(text);
	/* Cut at the argument list or the template's arguments, then take the last name. */
	text[strcspn(text, "(<@")] = 0;
	char *last = text;
	for (char *c = text; *c; c++)
		if ((!isalnum((unsigned char)*c) && *c != '_' && *c != '$') && c[1])
			last = c + 1;
	n = strlen(last);
	if (n >= out_bytes)
		n = out_bytes - 1;
	memcpy(out, last, n);
	out[n] = 0;
}
