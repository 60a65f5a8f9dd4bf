/*
 * Lists the code of a jitdump file, then names addresses from the newest entry to the oldest.
 *
 * Debug information stands in front of the code it belongs to. A move repeats an entry at another
 * address; its lines move along. All sizes are held against the record they are in.
 */
// SPDX-License-Identifier: BSD-2-Clause
#include "symbolize/jitdump.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/text.h"
#include "base/vec.h"

enum {
	LINE_STEPS_MAX = 16 << 20, /* debug entries looked at; then lines are left out */
	TEXT_BYTES_MAX = 4096,
};

enum { MAGIC = 0x4a695444 };

enum record_type { CODE_LOAD, CODE_MOVE, CODE_DEBUG_INFO };

struct header {
	uint32_t magic, version, total_size, elf_mach, pad, pid;
	uint64_t timestamp, flags;
};

struct prefix {
	uint32_t type, total_size;
	uint64_t timestamp;
};

struct load {
	uint32_t pid, tid;
	uint64_t vma, address, size, number;
};

struct move {
	uint32_t pid, tid;
	uint64_t vma, from, address, size, number;
};

struct debug_info {
	uint64_t address, count;
};

struct debug_entry {
	uint64_t address;
	uint32_t line, discriminator;
};

/* Bytes of the file. */
struct span {
	const char *at;
	size_t n;
};

struct code {
	uint64_t address, size;
	uint64_t made_at;  /* where it was when its lines were recorded */
	struct span name;  /* without NUL */
	struct span debug; /* entries; may be empty */
	uint64_t entries;  /* as the record says */
	uint64_t number;   /* of the compiler */
};

/* The newest entry with a number. */
struct latest {
	uint64_t number;
	uint32_t code;
	UT_hash_handle hh;
};

struct log {
	VEC(struct code) all;
	struct latest *by_number;
	struct debug_info pending; /* in front of the next load */
	struct span pending_entries;
	uint64_t steps;
};

static void log_done(struct log *log)
{
	struct latest *l, *next;

	HASH_ITER (hh, log->by_number, l, next) {
		HASH_DEL(log->by_number, l);
		free(l);
	}
	vec_done(&log->all);
}

/* Takes @size bytes off the front. */
static bool take(struct span *from, void *to, size_t size)
{
	if (from->n < size)
		return false;
	memcpy(to, from->at, size);
	from->at += size;
	from->n -= size;
	return true;
}

/* Takes a text and its NUL. */
static bool take_text(struct span *from, struct span *ret)
{
	const char *end = from->n ? memchr(from->at, 0, from->n) : NULL;

	if (!end)
		return false;
	*ret = (struct span){ from->at, (size_t)(end - from->at) };
	from->n -= ret->n + 1;
	from->at = end + 1;
	return true;
}

static int add_code(struct log *log, const struct code *code)
{
	struct latest *l;

	if (!code->size || code->size > UINT64_MAX - code->address ||
		log->all.n == JITDUMP_ENTRIES_MAX)
		return 0;
	if (vec_push(&log->all, *code))
		return -ENOMEM;
	HASH_FIND(hh, log->by_number, &code->number, sizeof(code->number), l);
	if (!l) {
		l = calloc(1, sizeof(*l));
		if (!l)
			return -ENOMEM;
		l->number = code->number;
		HASH_ADD(hh, log->by_number, number, sizeof(l->number), l);
		if (!l->hh.tbl) {
			free(l);
			return -ENOMEM;
		}
	}
	l->code = log->all.n - 1;
	return 0;
}

static int add_load(struct log *log, struct span record)
{
	struct load load;
	struct code code = { 0 };

	if (!take(&record, &load, sizeof(load)) || !take_text(&record, &code.name))
		return 0;
	code.address = code.made_at = load.address;
	code.size = load.size;
	code.number = load.number;
	if (log->pending.address == load.address) {
		code.debug = log->pending_entries;
		code.entries = log->pending.count;
	}
	log->pending_entries = (struct span){ 0 };
	log->pending = (struct debug_info){ 0 };
	return add_code(log, &code);
}

static int add_move(struct log *log, struct span record)
{
	struct move move;
	struct latest *l;

	if (!take(&record, &move, sizeof(move)))
		return 0;
	HASH_FIND(hh, log->by_number, &move.number, sizeof(move.number), l);
	if (!l)
		return 0;
	struct code code = log->all.at[l->code];
	code.address = move.address;
	return add_code(log, &code);
}

static int add_record(struct log *log, uint32_t type, struct span record)
{
	struct debug_info info;

	switch (type) {
	case CODE_LOAD:
		return add_load(log, record);
	case CODE_MOVE:
		return add_move(log, record);
	case CODE_DEBUG_INFO:
		if (take(&record, &info, sizeof(info))) {
			log->pending = info;
			log->pending_entries = record;
		}
		return 0;
	}
	return 0; /* unwinding information, the end, what later versions add */
}

static int read_records(struct log *log, struct span records)
{
	struct prefix prefix;
	int r = 0;

	while (!r && take(&records, &prefix, sizeof(prefix))) {
		if (prefix.total_size < sizeof(prefix) ||
			prefix.total_size - sizeof(prefix) > records.n)
			break;
		size_t n = prefix.total_size - sizeof(prefix);
		r = add_record(log, prefix.type, (struct span){ records.at, n });
		records.at += n;
		records.n -= n;
	}
	return r;
}

/* Whether @name can be a path. V8 up to 11.3 (Node 20) at least writes memory that it has freed. */
static bool is_text(struct span name)
{
	uint32_t c;

	for (size_t i = 0; i < name.n;) {
		i += text_decode(name.at + i, name.n - i, &c);
		if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xfffd)
			return false;
	}
	return name.n != 0;
}

/* The last debug entry that begins at or before @address gives its file and line. An
 * unreadable file makes the line worthless too. */
static void find_line(
	struct log *log, const struct code *code, uint64_t address, struct worker_place *place)
{
	uint64_t asked = address - code->address + code->made_at;
	struct span entries = code->debug, name, file = { 0 }, found = { 0 };
	struct debug_entry e, best = { 0 };

	for (uint64_t i = 0; i < code->entries && log->steps < LINE_STEPS_MAX; i++, log->steps++) {
		if (!take(&entries, &e, sizeof(e)) || !take_text(&entries, &name))
			break;
		if (name.n != 1 || name.at[0] != '\xff') /* else the file of the entry before */
			file = name;
		if (e.address > asked || e.address < best.address)
			continue;
		best = e;
		found = file;
	}
	if (!best.line || !is_text(found))
		return;
	place->file = found.at;
	place->file_bytes = found.n < TEXT_BYTES_MAX ? (uint32_t)found.n : TEXT_BYTES_MAX;
	place->line = best.line;
}

static int name_code(struct jit_names *j, struct log *log, const struct code *code)
{
	char scratch[JIT_SCRATCH_BYTES];
	uint32_t index, n = code->name.n < TEXT_BYTES_MAX ? (uint32_t)code->name.n : TEXT_BYTES_MAX;
	int r = 0;

	while (!r && n && jit_names_take(j, code->address, code->address + code->size, &index)) {
		struct worker_place place = jit_name_split(code->name.at, n, scratch);

		find_line(log, code, j->addresses[index], &place);
		r = j->place(j->context, index, &place, 1);
	}
	return r;
}

int jitdump_read(struct jit_names *j, const char *bytes, size_t n, struct error *err)
{
	CLEANUP(log_done) struct log log = { 0 };
	struct span all = { bytes, n };
	struct header header;

	if (!take(&all, &header, sizeof(header)) || header.magic != MAGIC ||
		header.total_size < sizeof(header) || header.total_size - sizeof(header) > all.n)
		return error_set(err, -EBADMSG, "not a jitdump file of this byte order");
	all.at += header.total_size - sizeof(header);
	all.n -= header.total_size - sizeof(header);
	int r = read_records(&log, all);
	if (r)
		return error_oom(err);
	for (uint32_t i = log.all.n; !r && i-- > 0 && j->left;)
		r = name_code(j, &log, &log.all.at[i]);
	return r;
}
