#!/bin/bash
# Go programs: no .eh_frame, an own ABI, goroutines with stacks of their own.
# SPDX-License-Identifier: BSD-2-Clause
source "$(dirname "$0")/tap.sh"

mkdir "$WORK/src"
cat >"$WORK/src/main.go" <<'END'
package main

import "fmt"

func work(n int) int {
	s := 0
	for i := 0; i < n; i++ {
		s += i * i % 7
	}
	return s
}

func spin() {
	for {
		work(1000000)
	}
}

func main() {
	go spin()
	for {
		fmt.Sprint(work(1000))
	}
}
END
check "a Go program is built" env -C "$WORK/src" HOME="$WORK" GOFLAGS=-mod=mod go build -o "$WORK/spin" main.go
start "$WORK/spin"
sleep 0.5
check "it is recorded" "$ASSAY" record -q -p "$PID" -d 3 -F 499 -o "$WORK/go.assay"
"$ASSAY" report "$WORK/go.assay" --json >"$WORK/go.json"
ask() {
	python3 -c "
import json, sys
d = json.load(open('$WORK/go.json'))
total = {r['function']: r['total'] for r in d['rows'] if r['function']}
print(d['quality']['stacks_whole'], total)
sys.exit(not ($1))"
}
check "at least 99.5 % of its stacks are whole" ask "d['quality']['stacks_whole'] >= 0.995"
check "functions of goroutines have their names and callers" ask \
	"total.get('main.work', 0) > 0.8 and total.get('main.spin', 0) > 0.2 and total.get('runtime.main', 0) > 0.2"
finish
