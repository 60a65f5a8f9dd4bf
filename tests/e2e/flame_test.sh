#!/bin/bash
# The flame graph page in a real browser: figures, zoom, search, keys, hostile names, large trees.
# The pages come from the unit test's writer: folded stacks in, the page of `flame_write` out.
source "$(dirname "$0")/tap.sh"
writer=$B/tests/unit/formats/flame_test

cat >"$WORK/plain.folded" <<'END'
main;walk;walk;leaf 20
main;walk;leaf 20
main;walk 10
main;leaf 20
main;a.b(int) 20
main;op[]( 10
END
python3 - >"$WORK/hostile.folded" <<'END'
for name in ("<script>window.pwned=1</script>", "</script><img src=x onerror=pwned=1>", "__proto__",
             "constructor", "\"'`${pwned=1}", "</title>", "a\u202eb", "y" * 4096, "toString",
             "<!--<script>", "{{JS}}", "&lt;b&gt;"):
    print("main;" + name, 5)
END
python3 - >"$WORK/large.folded" <<'END'
for i in range(40):
    for j in range(50):
        for k in range(25):
            print(f"main;part{i};step{j};f{i * j % 97};g{k};leaf{(i + j + k) % 50}", 1 + i * j * k % 7)
END
for page in plain hostile large; do
	"$writer" "$WORK/$page.folded" "$WORK/$page.html" || echo "Bail out! $page.html was not written"
done
# The browser's own TAP is this script's.
timeout 240 python3 tests/e2e/flame_browser.py "$WORK"/{plain,hostile,large}.html
exit
