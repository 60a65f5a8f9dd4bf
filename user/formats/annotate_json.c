/* Annotated source as JSON; see annotate_json.h. */
// SPDX-License-Identifier: BSD-2-Clause
#include "formats/annotate_json.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "formats/json_build.h"
#include "formats/report_json.h"

static void bound(
	struct json_build *b, struct json_object *o, const char *name, bool known, double value)
{
	if (known)
		build_share(b, o, name, value);
	else
		build_null(b, o, name);
}

/* Self, total and their bounds; a line without samples has shares of 0 and no bounds. */
static void cost(struct json_build *b, struct json_object *o, const struct table_row *row)
{
	const struct table_row none = { 0 }, *r = row ? row : &none;

	build_share(b, o, "self", r->self);
	bound(b, o, "self_low", r->has_bounds, r->self_low);
	bound(b, o, "self_high", r->has_bounds, r->self_high);
	build_share(b, o, "total", r->total);
	bound(b, o, "total_low", r->has_bounds, r->total_low);
	bound(b, o, "total_high", r->has_bounds, r->total_high);
	build_integer(b, o, "samples", (int64_t)r->self_count);
}

static struct json_object *line_json(struct json_build *b, const struct annotate_line *line)
{
	struct json_object *o = build_object(b);

	build_integer(b, o, "line", line->number);
	if (line->text) {
		CLEANUP_STRBUF struct strbuf text = { 0 };

		strbuf_add(&text, line->text, line->length);
		b->oom |= text.oom;
		build_string(b, o, "text", strbuf_cstr(&text));
	} else {
		build_null(b, o, "text");
	}
	cost(b, o, line->row);
	return o;
}

static void part_fill(struct json_build *b, struct json_object *o, const struct annotation *a,
	const struct annotate_part *part)
{
	CLEANUP_STRBUF struct strbuf name = { 0 };
	const struct profile *p = a->profile;
	struct json_object *lines = build_array(b);
	uint32_t module = part->is_file ? p->frames.at[part->row->frame].module : part->module;

	if (!part->is_file)
		annotate_part_name(a, part, &name);
	b->oom |= name.oom;
	build_text(b, o, "function", strbuf_cstr(&name));
	build_text(b, o, "file", profile_str(p, part->file));
	build_text(b, o, "module", profile_str(p, p->modules.at[module].path));
	build_text(b, o, "source", annotate_source_name(part->source));
	cost(b, o, part->row);
	build_add(b, o, "lines", lines);
	vec_each (line, &part->lines)
		build_append(b, lines, line_json(b, line));
}

struct json_object *annotate_json(const struct annotation *a)
{
	struct json_build b = { 0 };
	struct json_object *o = build_object(&b), *others = build_array(&b);

	part_fill(&b, o, a, &a->parts.at[0]);
	build_add(&b, o, "others", others);
	for (uint32_t i = 1; i < a->parts.n; i++) {
		struct json_object *other = build_object(&b);

		part_fill(&b, other, a, &a->parts.at[i]);
		build_append(&b, others, other);
	}
	build_integer(&b, o, "matched", a->matched);
	build_text(&b, o, "kind", sample_kind_name(a->kind));
	build_text(&b, o, "unit", sample_kind_unit(a->kind));
	struct json_object *quality = quality_json(a->profile, a->kind);
	b.oom |= !quality;
	build_add(&b, o, "quality", quality);
	return build_end(&b, o);
}
