/* json-c with one place that looks after failed allocations, and numbers of a sensible length. */
// SPDX-License-Identifier: BSD-2-Clause
#include "formats/json_build.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "formats/report_json.h"

static struct json_object *checked(struct json_build *b, struct json_object *o)
{
	b->oom |= !o;
	return o;
}

struct json_object *build_object(struct json_build *b)
{
	return checked(b, json_object_new_object());
}

struct json_object *build_array(struct json_build *b)
{
	return checked(b, json_object_new_array());
}

void build_add(
	struct json_build *b, struct json_object *o, const char *name, struct json_object *child)
{
	if (o && !json_object_object_add_ex(o, name, child, JSON_C_OBJECT_ADD_CONSTANT_KEY))
		return;
	json_object_put(child);
	b->oom = true;
}

void build_append(struct json_build *b, struct json_object *array, struct json_object *child)
{
	if (array && !json_object_array_add(array, child))
		return;
	json_object_put(child);
	b->oom = true;
}

void build_text(struct json_build *b, struct json_object *o, const char *name, const char *text)
{
	build_add(b, o, name, text && *text ? checked(b, json_text(text)) : NULL);
}

void build_string(struct json_build *b, struct json_object *o, const char *name, const char *text)
{
	build_add(b, o, name,
		checked(b, text && *text ? json_text(text) : json_object_new_string("")));
}

void build_append_text(struct json_build *b, struct json_object *array, const char *text)
{
	build_append(b, array, checked(b, *text ? json_text(text) : json_object_new_string("")));
}

static void decimals(struct json_build *b, struct json_object *o, const char *name, double value)
{
	char text[64];

	if (!isfinite(value)) {
		build_null(b, o, name);
		return;
	}
	snprintf(text, sizeof(text), "%.6f", value);
	build_add(b, o, name, checked(b, json_object_new_double_s(value, text)));
}

void build_share(struct json_build *b, struct json_object *o, const char *name, double value)
{
	decimals(b, o, name, value);
}

void build_number(struct json_build *b, struct json_object *o, const char *name, double value)
{
	if (fabs(value) < 1e15 && value == floor(value))
		build_integer(b, o, name, (int64_t)value);
	else
		decimals(b, o, name, value);
}

void build_integer(struct json_build *b, struct json_object *o, const char *name, int64_t value)
{
	build_add(b, o, name, checked(b, json_object_new_int64(value)));
}

void build_null(struct json_build *b, struct json_object *o, const char *name)
{
	build_add(b, o, name, NULL);
}

struct json_object *build_end(struct json_build *b, struct json_object *o)
{
	if (!b->oom)
		return o;
	json_object_put(o);
	return NULL;
}
