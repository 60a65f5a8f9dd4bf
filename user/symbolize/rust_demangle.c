/*
 * Decodes Rust's v0 symbols by recursive descent over the grammar of RFC 2603.
 *
 * A back reference stands for text that came earlier, so a short symbol may describe an enormous
 * one: depth, steps and output are bounded, and what exceeds them stays mangled. A part that is not
 * shown (the path of an impl block) is read with `silent` set, and does not follow references.
 */
// SPDX-License-Identifier: BSD-2-Clause
#include "symbolize/rust_demangle.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

enum {
	DEPTH_MAX = 192,
	STEPS_MAX = 20000,
	LIFETIMES_MAX = 1024,
	PUNYCODE_CHARS_MAX = 128,
};

struct rust {
	const char *at; /* behind "_R": what back references count from */
	size_t n, next;
	struct strbuf text;
	size_t max_bytes;
	uint32_t depth, steps, silent;
	uint64_t bound_lifetimes;
	bool failed;
};

static void fail(struct rust *r)
{
	r->failed = true;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static char peek(const struct rust *r)
{
	return !r->failed && r->next < r->n ? r->at[r->next] : 0;
}

static char take(struct rust *r)
{
	char c = peek(r);

	if (c)
		r->next++;
	else
		fail(r);
	return c;
}

static bool eat(struct rust *r, char c)
{
	if (peek(r) != c)
		return false;
	r->next++;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int base_62_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'Z' ? c - 'A' + 36 : -1;
}

/* {base-62-digit} "_": "_" is 0, "0_" is 1. */
static uint64_t base_62(struct rust *r)
{
	uint64_t value = 0;

	if (eat(r, '_'))
		return 0;
	while (!r->failed && !eat(r, '_')) {
		int digit = base_62_digit(take(r));

		if (digit < 0 || value > (UINT64_MAX - 64) / 62)
			fail(r);
		else
			value = value * 62 + (uint64_t)digit;
	}
	return value + 1;
}

/* 0 without the @tag; else the number behind it, from 1. */
static uint64_t tagged(struct rust *r, char tag)
{
	return eat(r, tag) ? base_62(r) + 1 : 0;
}

/* A name: of its @n bytes the last @puny ones are the part in Punycode. */
struct identifier {
	const char *at;
	size_t n, puny;
	uint64_t disambiguator;
};

static struct identifier undisambiguated(struct rust *r)
{
	struct identifier id = { "" };
	bool punycode = eat(r, 'u');

	if (!is_digit(peek(r)))
		fail(r);
	if (!eat(r, '0'))
		while (is_digit(peek(r)) && id.n <= r->n)
			id.n = id.n * 10 + (size_t)(take(r) - '0');
	eat(r, '_');
	if (r->failed || id.n > r->n - r->next) {
		fail(r);
		return (struct identifier){ "" };
	}
	id.at = r->at + r->next;
	r->next += id.n;
	if (punycode) {
		size_t ascii = id.n;

		while (ascii && id.at[ascii - 1] != '_')
			ascii--;
		id.puny = id.n - ascii;
		if (!id.puny)
			fail(r);
	}
	return id;
}

static struct identifier identifier(struct rust *r)
{
	uint64_t disambiguator = tagged(r, 's');
	struct identifier id = undisambiguated(r);

	id.disambiguator = disambiguator;
	return id;
}

/* Counts a step of the descent; pair with leave(). */
static bool enter(struct rust *r)
{
	r->depth++;
	if (r->depth > DEPTH_MAX || ++r->steps > STEPS_MAX)
		fail(r);
	return !r->failed;
}

static void leave(struct rust *r)
{
	r->depth--;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void add(struct rust *r, const char *s, size_t n)
{
	if (r->failed || r->silent)
		return;
	strbuf_add(&r->text, s, n);
	if (r->text.length > r->max_bytes || r->text.oom)
		fail(r);
}

static void put(struct rust *r, const char *s)
{
	add(r, s, strlen(s));
}

static void put_number(struct rust *r, uint64_t value)
{
	CLEANUP_STRBUF struct strbuf digits = { 0 };

	strbuf_printf(&digits, "%llu", (unsigned long long)value);
	put(r, strbuf_cstr(&digits));
}

/* Punycode's bias after a character. Source: RFC 3492, 6.1. */
static uint32_t adapt(uint64_t delta, uint32_t n, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / 700 : delta / 2;
	for (delta += delta / n; delta > 455; k += 36)
		delta /= 35;
	return k + (uint32_t)(36 * delta / (delta + 38));
}

/* Decodes @id into @chars (RFC 3492, 6.2); 0 = not valid. */
static uint32_t punycode(const struct identifier *id, uint32_t *chars)
{
	size_t ascii = id->n - id->puny, at = ascii;
	uint32_t n = 0, bias = 72;
	uint64_t code = 128, i = 0;

	if (ascii > PUNYCODE_CHARS_MAX)
		return 0;
	for (; n + 1 < ascii; n++) /* without the "_" */
		chars[n] = (unsigned char)id->at[n];
	while (at < id->n) {
		uint64_t before = i, weight = 1;

		if (n == PUNYCODE_CHARS_MAX)
			return 0;
		for (uint32_t k = 36;; k += 36) {
			int digit = at < id->n ? base_62_digit(id->at[at++]) : -1;
			/* Letters are 0 to 25, digits 26 to 35. */
			digit = digit < 0 || digit > 35 ? -1 : digit < 10 ? digit + 26 : digit - 10;
			uint32_t t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;

			if (digit < 0 || weight > UINT32_MAX)
				return 0;
			i += (uint64_t)digit * weight;
			if ((uint32_t)digit < t)
				break;
			weight *= 36 - t;
		}
		n++;
		bias = adapt(i - before, n, before == 0);
		code += i / n;
		i %= n;
		if (code > 0x10ffff)
			return 0;
		memmove(chars + i + 1, chars + i, (n - 1 - i) * sizeof(*chars));
		chars[i++] = (uint32_t)code;
	}
	return n;
}

static void put_identifier(struct rust *r, const struct identifier *id)
{
	CLEANUP_STRBUF struct strbuf text = { 0 };
	uint32_t chars[PUNYCODE_CHARS_MAX];

	if (!id->puny || r->silent) {
		add(r, id->at, id->n);
		return;
	}
	uint32_t n = punycode(id, chars);
	if (!n)
		fail(r);
	for (uint32_t i = 0; i < n; i++)
		text_encode(&text, chars[i]);
	put(r, strbuf_cstr(&text));
}

/* A lifetime by its distance to the binder: 0 is the erased one. */
static void put_lifetime(struct rust *r, uint64_t index)
{
	if (index > r->bound_lifetimes) {
		fail(r);
		return;
	}
	uint64_t number = r->bound_lifetimes - index;
	put(r, "'");
	if (!index) {
		put(r, "_");
	} else if (number < 26) {
		add(r, &(char){ (char)('a' + number) }, 1);
	} else {
		put(r, "_");
		put_number(r, number);
	}
}

/* [binder]: writes "for<'a, 'b> " and returns how many lifetimes it binds. */
static uint64_t binder(struct rust *r)
{
	uint64_t n = tagged(r, 'G');

	if (n > LIFETIMES_MAX)
		fail(r);
	if (!n || r->failed)
		return 0;
	put(r, "for<");
	for (uint64_t i = 0; i < n; i++) {
		put(r, i ? ", " : "");
		r->bound_lifetimes++;
		put_lifetime(r, 1);
	}
	put(r, "> ");
	return n;
}

/* ---- The grammar ----------------------------------------------------------------------------- */

static void path(struct rust *r, bool in_value);
static void type(struct rust *r);
static void constant(struct rust *r);

/* "B" base-62, the "B" taken: reads again at the place it names. */
static void back_reference(struct rust *r, void (*read)(struct rust *r))
{
	size_t here = r->next - 1;
	uint64_t to = base_62(r);

	if (to >= here)
		fail(r);
	if (r->failed || r->silent)
		return;
	size_t behind = r->next;
	r->next = to;
	read(r);
	r->next = behind;
}

static void path_in_value(struct rust *r)
{
	path(r, true);
}

static void path_in_type(struct rust *r)
{
	path(r, false);
}

static void generic_argument(struct rust *r)
{
	if (eat(r, 'L'))
		put_lifetime(r, base_62(r));
	else if (eat(r, 'K'))
		constant(r);
	else
		type(r);
}

/* { @read } "E", between commas; returns how many. */
static uint32_t list(struct rust *r, void (*read)(struct rust *r), const char *between)
{
	uint32_t n = 0;

	for (; !r->failed && !eat(r, 'E'); n++) {
		put(r, n ? between : "");
		read(r);
	}
	return n;
}

static void nested(struct rust *r, bool in_value)
{
	char kind = take(r);

	if (base_62_digit(kind) < 10)
		fail(r);
	path(r, in_value);
	struct identifier id = identifier(r);
	if (kind >= 'a') {
		put(r, id.n ? "::" : "");
		put_identifier(r, &id);
		return;
	}
	put(r, "::{");
	if (kind == 'C')
		put(r, "closure");
	else if (kind == 'S')
		put(r, "shim");
	else
		add(r, &kind, 1);
	put(r, id.n ? ":" : "");
	put_identifier(r, &id);
	put(r, "#");
	put_number(r, id.disambiguator);
	put(r, "}");
}

/* "<T>" or "<T as Trait>"; the path of the impl block is not shown. */
static void implementation(struct rust *r, char tag)
{
	if (tag != 'Y') {
		tagged(r, 's');
		r->silent++;
		path(r, false);
		r->silent--;
	}
	put(r, "<");
	type(r);
	if (tag != 'M') {
		put(r, " as ");
		path(r, false);
	}
	put(r, ">");
}

static void path(struct rust *r, bool in_value)
{
	if (!enter(r))
		return;
	char tag = take(r);
	struct identifier id;

	switch (tag) {
	case 'C':
		id = identifier(r);
		put_identifier(r, &id);
		break;
	case 'N':
		nested(r, in_value);
		break;
	case 'M':
	case 'X':
	case 'Y':
		implementation(r, tag);
		break;
	case 'I':
		path(r, in_value);
		put(r, in_value ? "::<" : "<");
		list(r, generic_argument, ", ");
		put(r, ">");
		break;
	case 'B':
		back_reference(r, in_value ? path_in_value : path_in_type);
		break;
	default:
		fail(r);
	}
	leave(r);
}

static const char *basic_type(char tag)
{
	static const char *const names[26] = { "i8", "bool", "char", "f64", "str", "f32", NULL,
		"u8", "isize", "usize", NULL, "i32", "u32", "i128", "u128", "_", NULL, NULL, "i16",
		"u16", "()", "...", NULL, "i64", "u64", "!" };

	return tag >= 'a' && tag <= 'z' ? names[tag - 'a'] : NULL;
}

/* ["U"] ["K" abi] {type} "E" type, in the scope of a binder. */
static void function_type(struct rust *r)
{
	uint64_t bound = binder(r);

	put(r, eat(r, 'U') ? "unsafe " : "");
	if (eat(r, 'K')) {
		struct identifier abi = { "C", 1 };

		if (!eat(r, 'C'))
			abi = undisambiguated(r);
		put(r, "extern \"");
		for (size_t i = 0; i < abi.n; i++)
			add(r, abi.at[i] == '_' ? "-" : abi.at + i, 1);
		put(r, "\" ");
	}
	put(r, "fn(");
	list(r, type, ", ");
	put(r, ")");
	if (!eat(r, 'u')) {
		put(r, " -> ");
		type(r);
	}
	r->bound_lifetimes -= bound;
}

/* path {"p" name type}: bindings of associated types join the generic arguments. */
static void dyn_trait(struct rust *r)
{
	bool open = false;

	path(r, false);
	if (peek(r) == 'p' && r->text.length && r->text.text[r->text.length - 1] == '>' &&
		!r->silent) {
		r->text.text[--r->text.length] = 0;
		open = true;
	}
	while (eat(r, 'p')) {
		put(r, open ? ", " : "<");
		open = true;
		struct identifier id = undisambiguated(r);
		put_identifier(r, &id);
		put(r, " = ");
		type(r);
	}
	put(r, open ? ">" : "");
}

/* [binder] {dyn-trait} "E" lifetime. */
static void dyn_type(struct rust *r)
{
	put(r, "dyn ");
	uint64_t bound = binder(r);
	list(r, dyn_trait, " + ");
	r->bound_lifetimes -= bound;
	uint64_t lifetime = 0;
	if (eat(r, 'L'))
		lifetime = base_62(r);
	else
		fail(r);
	if (lifetime) {
		put(r, " + ");
		put_lifetime(r, lifetime);
	}
}

/* "&'a mut T", the tag taken. */
static void reference(struct rust *r, bool is_mutable)
{
	put(r, "&");
	if (eat(r, 'L')) {
		uint64_t lifetime = base_62(r);

		if (lifetime) {
			put_lifetime(r, lifetime);
			put(r, " ");
		}
	}
	put(r, is_mutable ? "mut " : "");
	type(r);
}

static void type_of(struct rust *r, char tag)
{
	switch (tag) {
	case 'A':
	case 'S':
		put(r, "[");
		type(r);
		if (tag == 'A') {
			put(r, "; ");
			constant(r);
		}
		put(r, "]");
		break;
	case 'T':
		put(r, "(");
		put(r, list(r, type, ", ") == 1 ? ",)" : ")");
		break;
	case 'R':
	case 'Q':
		reference(r, tag == 'Q');
		break;
	case 'P':
	case 'O':
		put(r, tag == 'P' ? "*const " : "*mut ");
		type(r);
		break;
	case 'F':
		function_type(r);
		break;
	case 'D':
		dyn_type(r);
		break;
	case 'B':
		back_reference(r, type);
		break;
	default: /* a path: give the tag back */
		r->next--;
		path(r, false);
	}
}

static void type(struct rust *r)
{
	if (!enter(r))
		return;
	char tag = take(r);
	const char *basic = basic_type(tag);

	if (basic)
		put(r, basic);
	else if (tag)
		type_of(r, tag);
	leave(r);
}

/* {hex-digit} "_" as a number; false when it has more than 64 bits. */
static bool hexadecimal(struct rust *r, uint64_t *ret, struct identifier *ret_digits)
{
	*ret = 0;
	ret_digits->at = r->at + r->next;
	ret_digits->n = 0;
	for (; !r->failed && !eat(r, '_'); ret_digits->n++) {
		int digit = base_62_digit(take(r));

		if (digit < 0 || digit > 15)
			fail(r);
		*ret = *ret << 4 | (uint64_t)digit;
	}
	return ret_digits->n <= 16;
}

static void put_character(struct rust *r, uint64_t code)
{
	CLEANUP_STRBUF struct strbuf text = { 0 };

	if (code < 0x20 || code == 0x7f)
		strbuf_printf(&text, "'\\u{%llx}'", (unsigned long long)code);
	else if (code == '\'' || code == '\\')
		strbuf_printf(&text, "'\\%c'", (char)code);
	else {
		strbuf_putc(&text, '\'');
		text_encode(&text, code > 0x10ffff ? 0xfffd : (uint32_t)code);
		strbuf_putc(&text, '\'');
	}
	put(r, strbuf_cstr(&text));
}

static void constant_of(struct rust *r, char tag)
{
	struct identifier digits = { "" };
	uint64_t value;

	if (strchr("aslxni", tag))
		put(r, eat(r, 'n') ? "-" : "");
	else if (!strchr("htmyojbc", tag))
		fail(r);
	if (r->failed)
		return;
	bool fits = hexadecimal(r, &value, &digits);
	if (tag == 'b') {
		put(r, value ? "true" : "false");
	} else if (tag == 'c') {
		put_character(r, value);
	} else if (fits) {
		put_number(r, value);
	} else {
		put(r, "0x");
		add(r, digits.at, digits.n);
	}
}

static void constant(struct rust *r)
{
	if (!enter(r))
		return;
	char tag = take(r);

	if (tag == 'p')
		put(r, "_");
	else if (tag == 'B')
		back_reference(r, constant);
	else if (tag)
		constant_of(r, tag);
	leave(r);
}

bool rust_demangle(struct strbuf *out, const char *name, size_t max_bytes)
{
	/* What a linker or optimiser added begins with a dot, which the encoding does not use. */
	size_t n = strcspn(name, ".");

	if (strncmp(name, "_R", 2) || is_digit(name[2])) /* only version 0 has no number */
		return false;
	struct rust r = { .at = name + 2, .n = n - 2, .max_bytes = max_bytes };
	path(&r, true);
	if (!r.failed && r.next < r.n) { /* the crate that instantiated it */
		r.silent++;
		path(&r, false);
	}
	r.silent = 0;
	if (r.next != r.n || (!r.text.length && !r.failed))
		fail(&r);
	if (strncmp(name + n, ".llvm.", 6) != 0)
		put(&r, name + n);
	out->oom |= r.text.oom;
	if (!r.failed)
		strbuf_add(out, r.text.text, r.text.length);
	strbuf_done(&r.text);
	return !r.failed;
}
