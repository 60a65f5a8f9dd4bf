/* The tables of a recording, in the one place that both the writer and the reader use. */
// SPDX-License-Identifier: BSD-2-Clause
#ifndef RECORDING_SCHEMA_H
#define RECORDING_SCHEMA_H

#include <stddef.h>

enum {
	RECORDING_APPLICATION_ID = 0x41735361, /* "AsSa"; file(1) and `PRAGMA application_id` */
	RECORDING_VERSION = 1,                 /* `PRAGMA user_version` */
};

/* Every object of the schema, in the order in which it is created. */
struct schema_object {
	const char *type; /* as in sqlite_schema: "table", "view" */
	const char *name;
	const char *sql; /* exactly as it is stored */
};

extern const struct schema_object schema_objects[];
extern const size_t schema_object_count;

#endif
