#!/bin/bash
# Names in the distribution's stripped C library, which keeps no symbols of its inner functions. Where
# its debug file is installed (libc6-dbg) they have their own: __strlen_avx2.
# SPDX-License-Identifier: BSD-2-Clause
source "$(dirname "$0")/tap.sh"

cat >"$WORK/copies.c" <<'END'
#include <string.h>
static char from[1 << 16], to[1 << 16];
volatile size_t size = 20000;
int main(void)
{
	for (;;) {
		memcpy(to, from, size);
		memmove(from + 64, from, size);
	}
}
END
cat >"$WORK/scans.c" <<'END'
#include <string.h>
static char text[1 << 16];
volatile size_t found;
int main(void)
{
	memset(text, 'x', sizeof(text) - 1);
	for (;;)
		found += strlen(text);
}
END
gcc -O1 -fno-builtin -o "$WORK/copies" "$WORK/copies.c"
gcc -O1 -fno-builtin -o "$WORK/scans" "$WORK/scans.c"

# named PROGRAM FUNCTION: most of PROGRAM's time is in FUNCTION, a regular expression.
named() {
	start "$WORK/$1"
	"$ASSAY" record -q -p "$PID" -d 2 -F 499 -o "$WORK/$1.assay"
	kill "$PID"
	wait "$PID" 2>/dev/null
	"$ASSAY" report "$WORK/$1.assay" --json | python3 -c "
import json, re, sys
rows = json.load(sys.stdin)['rows']
print([(r['function'], r['self']) for r in rows[:5]])
sys.exit(not sum(r['self'] for r in rows if re.fullmatch(r'$2', r['function'])) > 0.8)"
}
check "the chosen implementation of strlen is named by its calls" named scans 'strlen|__strlen_\w+'
check "one implementation of memcpy and memmove is called memmove" named copies 'memmove|__mem(cpy|move)_\w+'
finish
