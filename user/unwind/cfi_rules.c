/*
 * Call frame information: the rules of one function, by running its instructions.
 *
 * Sources: DWARF 5, section 6.4.2 and 7.24; System V ABI AMD64, figure 3.36 (register numbers).
 * What no row can express becomes UNWIND_UNSUPPORTED.
 */
// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "unwind/cfi.h"
#include "unwind/reader.h"

enum { REGISTER_RBP = 6, REGISTER_RSP = 7, REGISTER_RA = 16, STATES_MAX = 16 };

enum value_kind { VALUE_SAME, VALUE_AT_CFA, VALUE_AT_RBP, VALUE_UNDEFINED, VALUE_OTHER };

struct value {
	enum value_kind kind;
	int64_t offset;
};

enum cfa_kind { CFA_REGISTER, CFA_PLT, CFA_DEREF_RBP, CFA_DEREF_RSP, CFA_OTHER };

struct rules {
	enum cfa_kind cfa;
	uint64_t cfa_register;
	int64_t cfa_offset;
	struct value rbp, ra;
};

static bool fits(int64_t offset, int64_t low, int64_t high)
{
	return offset % 8 == 0 && offset / 8 >= low && offset / 8 <= high;
}

static struct unwind_row row_of(const struct rules *rules)
{
	struct unwind_row none = { .rule = UNWIND_UNSUPPORTED }, row = { 0 };

	if (rules->ra.kind == VALUE_UNDEFINED)
		return (struct unwind_row){ .rule = UNWIND_END };
	if (rules->ra.kind != VALUE_AT_CFA || rules->ra.offset != -8)
		return none;
	switch (rules->cfa) {
	case CFA_REGISTER:
		if (rules->cfa_register == REGISTER_RSP)
			row.rule = UNWIND_SP;
		else if (rules->cfa_register == REGISTER_RBP)
			row.rule = UNWIND_FP;
		else
			return none;
		break;
	case CFA_PLT:
		row.rule = UNWIND_PLT;
		row.cfa = (int16_t)rules->cfa_offset;
		return row;
	case CFA_DEREF_RBP:
		row.rule = UNWIND_DEREF_FP;
		break;
	case CFA_DEREF_RSP:
		row.rule = UNWIND_DEREF_SP;
		break;
	case CFA_OTHER:
		return none;
	}
	if (!fits(rules->cfa_offset, INT16_MIN, INT16_MAX))
		return none;
	row.cfa = (int16_t)(rules->cfa_offset / 8);
	switch (rules->rbp.kind) {
	case VALUE_SAME:
		row.fp = UNWIND_FP_SAME;
		break;
	case VALUE_AT_CFA:
		if (!fits(rules->rbp.offset, INT8_MIN, -1))
			return none;
		row.fp = (int8_t)(rules->rbp.offset / 8);
		break;
	case VALUE_AT_RBP:
		row.fp = UNWIND_FP_AT_FP;
		break;
	case VALUE_UNDEFINED:
	case VALUE_OTHER:
		row.fp = UNWIND_FP_LOST;
		break;
	}
	return row;
}

/* DWARF expression operations that compilers and linkers use for frames. */
enum {
	OP_DEREF = 0x06,
	OP_AND = 0x1a,
	OP_PLUS = 0x22,
	OP_PLUS_UCONST = 0x23,
	OP_SHL = 0x24,
	OP_GE = 0x2a,
	OP_LIT0 = 0x30,
	OP_BREG0 = 0x70
};

/* What the linker writes for procedure linkage tables: rsp + 8 + ((rip & 15) >= N) << 3. */
static bool is_plt(const uint8_t *at, size_t n, int64_t *ret_threshold)
{
	static const uint8_t plt[] = { OP_BREG0 + REGISTER_RSP, 8, OP_BREG0 + REGISTER_RA, 0,
		OP_LIT0 + 15, OP_AND, OP_LIT0 + 11, OP_GE, OP_LIT0 + 3, OP_SHL, OP_PLUS };

	if (n != sizeof(plt) || at[6] < OP_LIT0 || at[6] > OP_LIT0 + 15)
		return false;
	*ret_threshold = at[6] - OP_LIT0;
	return !memcmp(at, plt, 6) && !memcmp(at + 7, plt + 7, sizeof(plt) - 7);
}

static void cfa_expression(struct reader *r, struct rules *rules)
{
	uint64_t n = read_uleb(r);

	rules->cfa = CFA_OTHER;
	if (r->bad || n > (uint64_t)(r->end - r->at)) {
		r->bad = true;
		return;
	}
	struct reader e = { r->at, r->at + n, false };
	r->at += n;
	if (is_plt(e.at, n, &rules->cfa_offset)) {
		rules->cfa = CFA_PLT;
		return;
	}
	uint64_t base = read_bytes(&e, 1);
	int64_t offset = read_sleb(&e), add = 0;
	if (read_bytes(&e, 1) != OP_DEREF)
		return;
	if (e.at < e.end) {
		if (read_bytes(&e, 1) != OP_PLUS_UCONST)
			return;
		add = (int64_t)read_uleb(&e);
	}
	if (e.bad || e.at != e.end)
		return;
	rules->cfa_offset = offset;
	if (base == OP_BREG0 + REGISTER_RBP && !add)
		rules->cfa = CFA_DEREF_RBP;
	else if (base == OP_BREG0 + REGISTER_RSP && add == 8)
		rules->cfa = CFA_DEREF_RSP;
}

static void value_set(struct rules *rules, uint64_t reg, enum value_kind kind, int64_t offset)
{
	if (reg == REGISTER_RBP)
		rules->rbp = (struct value){ kind, offset };
	else if (reg == REGISTER_RA)
		rules->ra = (struct value){ kind, offset };
}

/* A register saved at an address that an expression gives: only "where rbp points" is known. */
static void value_expression(struct reader *r, struct rules *rules, bool is_address)
{
	uint64_t reg = read_uleb(r), n = read_uleb(r);

	if (r->bad || n > (uint64_t)(r->end - r->at)) {
		r->bad = true;
		return;
	}
	bool at_rbp = is_address && n == 2 && r->at[0] == OP_BREG0 + REGISTER_RBP && !r->at[1];
	r->at += n;
	value_set(rules, reg, at_rbp ? VALUE_AT_RBP : VALUE_OTHER, 0);
}

static void value_restore(struct rules *rules, const struct rules *initial, uint64_t reg)
{
	if (reg == REGISTER_RBP)
		rules->rbp = initial->rbp;
	else if (reg == REGISTER_RA)
		rules->ra = initial->ra;
}

struct run {
	const struct cfi_function *function;
	struct rules now, initial, saved[STATES_MAX];
	unsigned int saved_count;
	uint64_t pc;
	struct unwind_row reported;
	bool any_reported;
	cfi_rule_fn each;
	void *context;
};

/* Reports the rules in force at run->pc, if they changed. */
static int report(struct run *run)
{
	struct unwind_row row = row_of(&run->now);

	if (run->function->common.signal_frame)
		row = (struct unwind_row){ .rule = UNWIND_SIGNAL };
	if (run->any_reported && !memcmp(&row, &run->reported, sizeof(row)))
		return 0;
	run->any_reported = true;
	run->reported = row;
	return run->each(run->context, run->pc, row);
}

static int advance(struct run *run, uint64_t pc)
{
	int r = report(run);

	if (r)
		return r;
	if (pc < run->pc || pc > run->function->end)
		return -EBADMSG;
	run->pc = pc;
	return 0;
}

static void offset_set(struct run *run, uint64_t reg, int64_t factored)
{
	int64_t offset;

	if (__builtin_mul_overflow(factored, run->function->common.data_align, &offset))
		value_set(&run->now, reg, VALUE_OTHER, 0);
	else
		value_set(&run->now, reg, VALUE_AT_CFA, offset);
}

static int64_t scaled(struct run *run, int64_t factored)
{
	int64_t offset;

	return __builtin_mul_overflow(factored, run->function->common.data_align, &offset)
		       ? 1 /* fits no row */
		       : offset;
}

static int step_extended(struct run *run, struct reader *r, uint8_t op)
{
	uint64_t align = run->function->common.code_align, reg;
	struct rules *now = &run->now;

	switch (op) {
	case 0x00: /* nop */
		return 0;
	case 0x01: /* set_loc */
		return -EBADMSG;
	case 0x02: /* advance_loc1, 2, 4 */
		return advance(run, run->pc + read_bytes(r, 1) * align);
	case 0x03:
		return advance(run, run->pc + read_bytes(r, 2) * align);
	case 0x04:
		return advance(run, run->pc + read_bytes(r, 4) * align);
	case 0x05: /* offset_extended */
		reg = read_uleb(r);
		offset_set(run, reg, (int64_t)read_uleb(r));
		return 0;
	case 0x06: /* restore_extended */
		value_restore(now, &run->initial, read_uleb(r));
		return 0;
	case 0x07: /* undefined */
		value_set(now, read_uleb(r), VALUE_UNDEFINED, 0);
		return 0;
	case 0x08: /* same_value */
		value_set(now, read_uleb(r), VALUE_SAME, 0);
		return 0;
	case 0x09: /* register */
		reg = read_uleb(r);
		read_uleb(r);
		value_set(now, reg, VALUE_OTHER, 0);
		return 0;
	case 0x0a: /* remember_state */
		if (run->saved_count == STATES_MAX)
			return -EBADMSG;
		run->saved[run->saved_count++] = *now;
		return 0;
	case 0x0b: /* restore_state */
		if (!run->saved_count)
			return -EBADMSG;
		*now = run->saved[--run->saved_count];
		return 0;
	case 0x0c: /* def_cfa */
		now->cfa = CFA_REGISTER;
		now->cfa_register = read_uleb(r);
		now->cfa_offset = (int64_t)read_uleb(r);
		return 0;
	case 0x0d: /* def_cfa_register */
		now->cfa = CFA_REGISTER;
		now->cfa_register = read_uleb(r);
		return 0;
	case 0x0e: /* def_cfa_offset */
		now->cfa_offset = (int64_t)read_uleb(r);
		return 0;
	case 0x0f: /* def_cfa_expression */
		cfa_expression(r, now);
		return 0;
	case 0x10: /* expression */
		value_expression(r, now, true);
		return 0;
	case 0x11: /* offset_extended_sf */
		reg = read_uleb(r);
		offset_set(run, reg, read_sleb(r));
		return 0;
	case 0x12: /* def_cfa_sf */
		now->cfa = CFA_REGISTER;
		now->cfa_register = read_uleb(r);
		now->cfa_offset = scaled(run, read_sleb(r));
		return 0;
	case 0x13: /* def_cfa_offset_sf */
		now->cfa_offset = scaled(run, read_sleb(r));
		return 0;
	case 0x14: /* val_offset */
	case 0x15: /* val_offset_sf */
		reg = read_uleb(r);
		read_uleb(r);
		value_set(now, reg, VALUE_OTHER, 0);
		return 0;
	case 0x16: /* val_expression */
		value_expression(r, now, false);
		return 0;
	case 0x2e: /* GNU_args_size */
		read_uleb(r);
		return 0;
	case 0x2f: /* GNU_negative_offset_extended */
		reg = read_uleb(r);
		offset_set(run, reg, -(int64_t)(read_uleb(r) & INT64_MAX));
		return 0;
	}
	return -EBADMSG;
}

static int run_instructions(struct run *run, const uint8_t *at, const uint8_t *end)
{
	struct reader r = { at, end, false };

	while (r.at < r.end) {
		uint8_t op = (uint8_t)read_bytes(&r, 1), low = op & 0x3f;
		int result = 0;

		switch (op & 0xc0) {
		case 0x40: /* advance_loc */
			result = advance(run, run->pc + low * run->function->common.code_align);
			break;
		case 0x80: /* offset */
			offset_set(run, low, (int64_t)read_uleb(&r));
			break;
		case 0xc0: /* restore */
			value_restore(&run->now, &run->initial, low);
			break;
		default:
			result = step_extended(run, &r, low);
		}
		if (r.bad)
			return -EBADMSG;
		if (result)
			return result;
	}
	return 0;
}

static int report_nothing(void *context, uint64_t pc, struct unwind_row rule)
{
	return 0;
}

int cfi_run(const struct cfi_function *f, cfi_rule_fn each, void *context)
{
	struct run run = { .function = f, .pc = f->start, .each = report_nothing };

	run.now.cfa = CFA_OTHER;
	run.now.ra.kind = VALUE_OTHER;
	int r = run_instructions(&run, f->common.instructions, f->common.end);
	if (r)
		return r;
	run.initial = run.now;
	run.pc = f->start;
	run.any_reported = false;
	run.each = each;
	run.context = context;
	r = run_instructions(&run, f->instructions, f->instructions_end);
	return r ? r : report(&run);
}
