/*
 * The flame graph page: the merged call tree as JSON inside one HTML file that draws it.
 *
 * The page (flame.html, flame.css, flame_model.js, flame.js) is built in. The data stands in a
 * script element of type application/json, every string of it written by text_json(), which leaves
 * no "<" behind, so no name can end the element. Nodes come in order, parents first:
 *
 *   {title, target, kind, unit, seconds, rate_hz, samples, lost, whole, named, counts_only,
 *    losses: ["5 ring_full: ..."], kinds: [..], modules: [..],
 *    symbols: {name: [..], module: [..], kind: [..]},
 *    nodes: {parent: [..], symbol: [..], value: [..], count: [..]}}
 *
 * where parent, symbol, module and kind are indexes into the arrays beside them; node 0 is the
 * root, value and count belong to the node itself, without its callees.
 */
// SPDX-License-Identifier: BSD-2-Clause
#include "formats/formats.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "flame_page.inc"
#include "formats/call_tree.h"

static void add_name(struct strbuf *out, const char *name, const char *s)
{
	strbuf_printf(out, "\"%s\":", name);
	text_json(out, s);
}

/* "orders (pid 4211)", "4 processes", or what the capture was asked for. */
static void target_name(const struct profile *p, struct strbuf *out)
{
	const char *asked = profile_fact_find(p, "target");
	uint32_t processes = p->processes.n - 1;

	if (asked && *asked)
		strbuf_puts(out, asked);
	else if (processes == 1)
		strbuf_printf(out, "%s (pid %u)", profile_str(p, p->processes.at[1].comm),
			p->processes.at[1].pid);
	else if (processes)
		strbuf_printf(out, "%u processes", processes);
	else
		strbuf_puts(out, "imported stacks");
}

static int add_header(struct strbuf *out, const struct profile *p, const struct flame_options *o)
{
	CLEANUP(profile_quality_done) struct profile_quality q = { 0 };
	CLEANUP_STRBUF struct strbuf target = { 0 }, loss = { 0 };
	const struct profile_capture *c = &p->capture;
	bool first = true;

	if (profile_quality(p, o->kind, &q))
		return -ENOMEM;
	target_name(p, &target);
	add_name(out, "title", o->title ? o->title : strbuf_cstr(&target));
	strbuf_putc(out, ',');
	add_name(out, "target", strbuf_cstr(&target));
	strbuf_putc(out, ',');
	add_name(out, "kind", sample_kind_name(o->kind));
	strbuf_putc(out, ',');
	add_name(out, "unit", sample_kind_unit(o->kind));
	strbuf_printf(out, ",\"seconds\":%.3f,\"rate_hz\":%.3f", (double)c->duration_ns / 1e9,
		c->rate_had_hz);
	strbuf_printf(out, ",\"samples\":%" PRIu64 ",\"lost\":%" PRIu64, q.samples, q.lost);
	strbuf_printf(out, ",\"whole\":%.4f,\"named\":%.4f,\"counts_only\":%s,\"losses\":[",
		q.stacks_whole, q.frames_named, c->weights_imported ? "true" : "false");
	vec_each (l, &p->lost) {
		if (!l->count)
			continue;
		strbuf_reset(&loss);
		strbuf_printf(&loss, "%" PRIu64 " %s: %s", l->count, profile_str(p, l->name),
			profile_str(p, l->text));
		strbuf_puts(out, first ? "" : ",");
		text_json(out, strbuf_cstr(&loss));
		first = false;
	}
	strbuf_putc(out, ']');
	return target.oom || loss.oom ? -ENOMEM : 0;
}

static void add_names(struct strbuf *out, const struct profile *p)
{
	strbuf_puts(out, ",\n\"kinds\":[");
	for (int i = 0; i < FRAME_KIND_COUNT; i++) {
		text_json(out, frame_kind_name((enum frame_kind)i));
		strbuf_putc(out, ',');
	}
	strbuf_puts(out, "\"process\"],\n\"modules\":[");
	for (uint32_t i = 0; i < p->modules.n; i++) {
		strbuf_puts(out, i ? "," : "");
		text_json(out, profile_str(p, p->modules.at[i].path));
	}
	strbuf_putc(out, ']');
}

static void add_symbols(struct strbuf *out, const struct call_tree *t)
{
	strbuf_puts(out, ",\n\"symbols\":{\"name\":[");
	for (uint32_t i = 0; i < t->symbols.n; i++) {
		strbuf_puts(out, i ? "," : "");
		text_json(out, t->symbols.at[i].name);
	}
	strbuf_puts(out, "],\n\"module\":[");
	for (uint32_t i = 0; i < t->symbols.n; i++)
		strbuf_printf(out, i ? ",%u" : "%u", t->symbols.at[i].module);
	strbuf_puts(out, "],\n\"kind\":[");
	for (uint32_t i = 0; i < t->symbols.n; i++)
		strbuf_printf(out, i ? ",%u" : "%u", t->symbols.at[i].kind);
	strbuf_puts(out, "]}");
}

/* In the tree's own order: parents come first there too. */
static void add_nodes(struct strbuf *out, const struct call_tree *t)
{
	strbuf_puts(out, ",\n\"nodes\":{\"parent\":[");
	for (uint32_t i = 0; i < t->nodes.n; i++)
		strbuf_printf(out, i ? ",%u" : "%u", t->nodes.at[i].parent);
	strbuf_puts(out, "],\n\"symbol\":[");
	for (uint32_t i = 0; i < t->nodes.n; i++)
		strbuf_printf(out, i ? ",%u" : "%u", t->nodes.at[i].symbol);
	strbuf_puts(out, "],\n\"value\":[");
	for (uint32_t i = 0; i < t->nodes.n; i++)
		strbuf_printf(out, i ? ",%" PRId64 : "%" PRId64, t->nodes.at[i].value);
	strbuf_puts(out, "],\n\"count\":[");
	for (uint32_t i = 0; i < t->nodes.n; i++)
		strbuf_printf(out, i ? ",%" PRIu64 : "%" PRIu64, t->nodes.at[i].count);
	strbuf_puts(out, "]}");
}

static int data_make(struct strbuf *out, const struct profile *p, const struct flame_options *o)
{
	CLEANUP(call_tree_done) struct call_tree t = { 0 };

	if (call_tree_init(&t, p, &(struct call_tree_options){ .kind = o->kind }))
		return -ENOMEM;
	strbuf_putc(out, '{');
	if (add_header(out, p, o))
		return -ENOMEM;
	add_names(out, p);
	add_symbols(out, &t);
	add_nodes(out, &t);
	strbuf_putc(out, '}');
	return out->oom ? -ENOMEM : 0;
}

/* Writes the page; where it says {{NAME}}, the part of that name is put in. */
static void page_write(const char *data, const char *title, FILE *out)
{
	const struct {
		const char *mark, *text;
	} parts[] = { { "{{TITLE}}", title }, { "{{CSS}}", (const char *)flame_css },
		{ "{{DATA}}", data }, { "{{MODEL}}", (const char *)flame_model_js },
		{ "{{JS}}", (const char *)flame_js } };
	const char *page = (const char *)flame_html;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const char *mark = strstr(page, parts[i].mark);

		assert(mark);
		fwrite(page, 1, (size_t)(mark - page), out);
		fputs(parts[i].text, out);
		page = mark + strlen(parts[i].mark);
	}
	fputs(page, out);
}

int flame_write(
	const struct profile *p, const struct flame_options *options, FILE *out, struct error *err)
{
	CLEANUP_STRBUF struct strbuf data = { 0 }, title = { 0 }, plain = { 0 };

	if (options->title)
		strbuf_puts(&plain, options->title);
	else
		target_name(p, &plain);
	text_html(&title, strbuf_cstr(&plain));
	if (plain.oom || title.oom || data_make(&data, p, options))
		return error_oom(err);
	page_write(strbuf_cstr(&data), strbuf_cstr(&title), out);
	return format_flush(out, err);
}

static int html_write(const struct profile *p, enum sample_kind kind, FILE *out, struct error *err)
{
	return flame_write(p, &(struct flame_options){ .kind = kind }, out, err);
}

const struct format_ops format_html = {
	.name = "html",
	.suffix = ".html",
	.text = "interactive flame graph, one page that needs nothing else",
	.write = html_write,
};
