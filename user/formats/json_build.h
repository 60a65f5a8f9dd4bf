/* Building JSON objects where running out of memory is remembered and asked once. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef FORMATS_JSON_BUILD_H
#define FORMATS_JSON_BUILD_H

#include <json-c/json.h>
#include <stdbool.h>

struct json_build {
	bool oom;
};

/* New objects; NULL (and oom) when memory is out, which the adders below take without harm. */
struct json_object *build_object(struct json_build *b);
struct json_object *build_array(struct json_build *b);

/* Each adds a member with the constant @name to @o. */
void build_text(struct json_build *b, struct json_object *o, const char *name, const char *text);
/* As build_text, but an empty text is "" and not null. */
void build_string(struct json_build *b, struct json_object *o, const char *name, const char *text);
void build_share(struct json_build *b, struct json_object *o, const char *name, double value);
void build_number(struct json_build *b, struct json_object *o, const char *name, double value);
void build_integer(struct json_build *b, struct json_object *o, const char *name, int64_t value);
void build_null(struct json_build *b, struct json_object *o, const char *name);
/* Takes @child over. */
void build_add(
	struct json_build *b, struct json_object *o, const char *name, struct json_object *child);
void build_append(struct json_build *b, struct json_object *array, struct json_object *child);
void build_append_text(struct json_build *b, struct json_object *array, const char *text);

/* Returns @o, or releases it and returns NULL when memory ran out on the way. */
struct json_object *build_end(struct json_build *b, struct json_object *o);

#endif
