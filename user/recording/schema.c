/* The tables of a recording. assay-recording(5) explains each column. */
// SPDX-License-Identifier: BSD-2-Clause
#include "recording/schema.h"

#define TABLE(name, columns)                                          \
	{                                                             \
		"table", #name, "CREATE TABLE " #name "(" columns ")" \
	}
#define VIEW(name, select)                                        \
	{                                                         \
		"view", #name, "CREATE VIEW " #name " AS " select \
	}

/* clang-format off */
const struct schema_object schema_objects[] = {
	TABLE(meta, "name TEXT, value"),
	TABLE(fact, "name TEXT, value TEXT"),
	TABLE(module, "id INTEGER PRIMARY KEY, path TEXT, build_id TEXT"),
	TABLE(process, "id INTEGER PRIMARY KEY, pid INTEGER, start_ns INTEGER, comm TEXT, exe TEXT, "
		"command TEXT"),
	TABLE(thread, "id INTEGER PRIMARY KEY, process INTEGER, tid INTEGER, comm TEXT, "
		"on_cpu_ns INTEGER"),
	TABLE(mapping, "process INTEGER, module INTEGER, start INTEGER, end INTEGER, "
		"file_offset INTEGER"),
	TABLE(frame, "id INTEGER PRIMARY KEY, kind TEXT, flags INTEGER, function TEXT, file TEXT, "
		"line INTEGER, module INTEGER, offset INTEGER, outer INTEGER, start INTEGER"),
	TABLE(stack, "id INTEGER PRIMARY KEY, parent INTEGER, frame INTEGER, stop TEXT"),
	TABLE(sample, "bucket INTEGER, thread INTEGER, stack INTEGER, kind TEXT, count INTEGER, "
		"value INTEGER, weight REAL"),
	TABLE(lost, "name TEXT, text TEXT, count INTEGER"),
	TABLE(source, "file TEXT, first_line INTEGER, text TEXT"),
	TABLE(library, "module INTEGER, package TEXT, version TEXT"),
	VIEW(frame_name, "SELECT f.id AS frame, coalesce(f.function, m.path || "
		"printf('+0x%llx', coalesce(nullif(f.start, 0), f.offset)), '[unknown]') AS name FROM frame f "
		"LEFT JOIN module m ON m.id = f.module"),
	VIEW(function_self, "SELECT n.name AS function, s.kind AS kind, sum(s.count) AS samples, "
		"sum(s.value) AS value FROM sample s JOIN stack k ON k.id = s.stack "
		"JOIN frame_name n ON n.frame = k.frame GROUP BY n.name, s.kind "
		"ORDER BY sum(s.value) DESC"),
	VIEW(stack_text, "WITH RECURSIVE walk(id, parent, text) AS ("
		"SELECT k.id, k.parent, n.name FROM stack k JOIN frame_name n ON n.frame = k.frame "
		"UNION ALL SELECT w.id, k.parent, n.name || ';' || w.text FROM walk w "
		"JOIN stack k ON k.id = w.parent JOIN frame_name n ON n.frame = k.frame) "
		"SELECT id AS stack, text FROM walk WHERE parent = 0"),
};
/* clang-format on */

const size_t schema_object_count = sizeof(schema_objects) / sizeof(*schema_objects);
