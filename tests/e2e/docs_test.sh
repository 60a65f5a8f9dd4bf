#!/bin/bash
# The documentation says what the program does: man pages, README, ARCHITECTURE and completion are
# held against `assay --help`, the options that commands really have, and the JSON they really print.
# shellcheck source=tests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"
MAN=$PWD/user/install/man
COMMANDS=$("$ASSAY" --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p')

# ---- reading help texts and pages ----

# "-p, --pid PID[,PID]" for each option of a command's help.
help_options() { # COMMAND
	"$ASSAY" "$1" --help | sed -nE 's/^  (-[A-Za-z],|   ) (--[a-z-]+( [A-Z][^ ]*)?).*/\1 \2/p' |
		sed 's/^ *//' | sort
}

# The text of a page's section without fonts: "\fB\-p\fR" becomes "-p".
section() { # PAGE SECTION
	sed -n "/^\.SH $2\$/,/^\.SH/p" "$1" | sed 's/\\f[BIRP]//g; s/\\-/-/g; /^\.SH/d'
}

# The same for the tags of a page's OPTIONS.
page_options() { # COMMAND
	section "$MAN/assay-$1.1" OPTIONS | grep -A1 '^\.TP' | grep -E '^-.*--[a-z]|^--[a-z]' | sort
}

same() { # WHAT FROM-HELP FROM-PAGE
	diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") && [[ -n $2 ]]
}

options_agree() { # COMMAND
	same options "$(help_options "$1")" "$(page_options "$1")"
}

every_command_has_a_page() {
	local c rc=0
	[[ -n $COMMANDS ]] || return 1
	for c in $COMMANDS; do
		[[ -s $MAN/assay-$c.1 ]] || { echo "no page for $c" && rc=1; }
		section "$MAN/assay.1" COMMANDS | grep -q "^\.BR $c " || { echo "assay.1 lacks $c" && rc=1; }
	done
	return $rc
}

every_page_has_a_command() {
	local page c rc=0
	for page in "$MAN"/assay-*.1; do
		c=$(basename "$page" .1)
		grep -qx "${c#assay-}" <<<"$COMMANDS" || { echo "no command for $page" && rc=1; }
	done
	return $rc
}

renders_silently() { # PAGE
	local said
	said=$(groff -man -ww -rLL=80n -Tutf8 -z "$1" 2>&1)
	echo "$said"
	[[ -z $said ]] && (($(groff -man -Tascii "$1" | wc -l) > 20))
}

references_exist() {
	local name rc=0
	for name in $(sed 's/\\-/-/g' "$MAN"/* | grep -oE 'assay(-[a-z]+)? \([1-8]\)' | tr -d ' ' | sort -u); do
		[[ -e $MAN/${name%(*}.${name//[^0-9]/} ]] || { echo "no page $name" && rc=1; }
	done
	return $rc
}

exit_codes_agree() {
	same codes "$("$ASSAY" doctor --help | sed -n 's/^exit status: //p' | sed 's/, \([0-9]\)/\n\1/g')" \
		"$(section "$MAN/assay.1" 'EXIT STATUS' | grep -A2 '^\.TP' | sed -n '/^\.B [0-9]/{s/^\.B //;N;s/\n/ /;p}')"
}

# ---- examples ----

# Every line that runs assay or make in a page's .EX blocks or in a text's ``` blocks.
examples() { # FILE
	sed -n '/^\.EX/,/^\.EE/p; /^```/,/^```/p' "$1" | sed 's/\\-/-/g' |
		sed -nE 's/^(\$ )?(sudo )?((build\/)?assay|make)( |$)/\3 /p' | sed -E 's/[|#;>].*//; s/ -- .*//'
}

example_is_right() { # PROGRAM ARG...
	local word program=$1 command=${2-help} options
	shift $(($# > 1 ? 2 : 1))
	if [[ $program == make ]]; then
		make help | awk '{print $1}' | grep -qxF -- "$command" || echo "make $command, "
		return
	fi
	[[ $command == --* ]] && return
	grep -qxF -- "$command" <<<"$COMMANDS" || { echo "assay $command, " && return; }
	options=" $("$ASSAY" "$command" --help | sed -n 's/^  \(-.,\)\{0,1\} *\(--[a-z-]*\).*/\1 \2 /p' | tr -d ',\n') "
	for word; do
		[[ $word == -?* ]] || continue
		[[ $options == *" ${word%%=*} "* ]] || echo "assay $command $word, "
	done
}

examples_are_right() { # FILE...
	local file line wrong='' count=0
	for file; do
		while read -r line; do
			count=$((count + 1))
			# shellcheck disable=SC2086
			wrong+=$(example_is_right $line)
		done < <(examples "$file")
	done
	echo "$wrong ($count examples)"
	[[ -z $wrong ]] && ((count >= 5))
}

links_exist() { # FILE...
	local link rc=0
	for link in $(grep -ohE '\]\([^)#]+\)' "$@" | tr -d '()]'); do
		[[ $link == http* || -e $link ]] || { echo "no $link" && rc=1; }
	done
	return $rc
}

# The layers table: "| 1 | `stats` | base |", held against the rules that `make layers` applies.
layers_agree() {
	same layers "$(sed -n 's/^\t\([a-z]*\)) echo \(.*\) ;;$/\1 \2/p' tests/layers.sh | grep -v '""' |
		awk '{ line = $1 ":"; for (i = 2; i <= NF; i++) if ($i != $1) line = line " " $i; print line }' | sort)" \
		"$(sed -nE 's/^\| [0-9] \| `([a-z]+)` \| ([a-z ]*) ?\|.*/\1: \2/p' ARCHITECTURE.md | sed 's/ *$//' | sort)"
}

rooms_are_described() {
	local room rc=0
	for room in user/*/; do
		[[ $room == user/install/ ]] && continue
		grep -q "\`$(basename "$room")\`" ARCHITECTURE.md || { echo "no $room" && rc=1; }
	done
	return $rc
}

# ---- JSON ----

# Every key of the JSON in $2 stands in the OUTPUT of the command's page, or in assay(1)'s quality.
keys_documented() { # COMMAND FILE
	python3 - "$2" "$MAN/assay-$1.1" "$MAN/assay.1" <<-'PYTHON'
		import json, re, sys
		words = lambda text: set(re.findall(r"[a-z0-9_]+", text))
		page = open(sys.argv[2]).read().split(".SH OUTPUT")[1].split(".SH")[0]
		quality = open(sys.argv[3]).read().split(".SS The quality object")[1].split(".SH")[0]
		missing = []
		def walk(value, known):
		    if isinstance(value, list):
		        for v in value:
		            walk(v, known)
		    elif isinstance(value, dict):
		        for k, v in value.items():
		            if k not in known:
		                missing.append(k)
		            # Names of pieces of evidence and sums by kind are data, not schema.
		            if k == "evidence":
		                for e in v.values():
		                    walk(e, known)
		            elif k != "kinds":
		                walk(v, words(quality) if k == "quality" else known)
		walk(json.load(open(sys.argv[1])), words(page))
		print("not documented:", sorted(set(missing)))
		sys.exit(bool(missing))
	PYTHON
}

json_is_documented() { # COMMAND ARG...
	local command=$1
	shift
	"$ASSAY" "$command" --json "$@" >"$WORK/$command.json" 2>"$WORK/$command.err"
	[[ -s $WORK/$command.json ]] || { cat "$WORK/$command.err" && return 1; }
	keys_documented "$command" "$WORK/$command.json"
}

# Without these the keys of findings and steps would go unseen.
has_a_step() {
	"$ASSAY" diagnose --json "$WORK/x.assay" | grep -q '"gain"' &&
		"$ASSAY" diagnose --json "$WORK/x.assay" | grep -q '"unit"' &&
		"$ASSAY" diagnose --json "$WORK/x.assay" | grep -q '"first_line"' &&
		"$ASSAY" plan --json "$WORK/x.assay" | grep -q '"order"'
}

# ---- completion ----

# What bash offers for the words: completions WORD... (the last one is being typed).
completions() {
	(
		cd "$WORK/completion" && . "$OLDPWD/user/install/assay.bash" || exit 1
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		compopt() { :; }
		_assay "$1"
		printf '%s\n' "${COMPREPLY[@]}" | sort -u
	)
}

offers() { # EXPECTED(lines) WORD...
	local want=$1
	shift
	same completion "$(sort <<<"$want")" "$(completions "$@")"
}

offers_all_options() {
	local c
	for c in $COMMANDS; do
		offers "$(help_options "$c" | grep -oE -- '(^| )--?[A-Za-z-]+' | tr -d ' ')" "$ASSAY" "$c" - || return 1
	done
}

loads_in_a_shell() {
	bash --norc --noprofile -c '. user/install/assay.bash && complete -p assay' | grep -q '_assay assay'
}

mkdir -p "$WORK/completion/runs"
touch "$WORK/completion/"{one.assay,two.assay,plan.json,notes.txt}

check "every command has a man page and stands in assay(1)" every_command_has_a_page
check "every man page of a command has its command" every_page_has_a_command
for c in $COMMANDS; do
	check "assay-$c(1) has exactly the options of 'assay $c --help'" options_agree "$c"
done
for page in "$MAN"/*.[1-8]; do
	check "$(basename "$page") renders without a warning" renders_silently "$page"
done
check "man pages refer to pages that exist" references_exist
check "assay(1) has the exit codes of the help" exit_codes_agree
check "examples of the man pages use commands and options that exist" examples_are_right "$MAN"/*.1
check "README's commands, options and make targets exist" examples_are_right README.md
check "links in README and ARCHITECTURE lead to files" links_exist README.md ARCHITECTURE.md
check "ARCHITECTURE's layers are those that are checked" layers_agree
check "ARCHITECTURE names every room" rooms_are_described

check "the completion loads in a plain shell" loads_in_a_shell
check "the completion offers commands" offers "$COMMANDS"$'\n--help\n--version' "$ASSAY" ""
check "the completion offers commands by their first letters" offers report "$ASSAY" rep
check "the completion offers every option of every command" offers_all_options
check "the completion offers recordings and folders" offers $'one.assay\nruns\ntwo.assay' "$ASSAY" report ""
check "the completion offers a plan before a recording" offers $'plan.json\nruns' "$ASSAY" verify ""
check "the completion offers a recording behind the plan" offers one.assay "$ASSAY" verify plan.json o
check "the completion offers the values of an option" offers $'file\nfunction' "$ASSAY" report --by f
check "the completion offers values behind '='" offers thread "$ASSAY" report --by = t
check "the completion offers process ids behind a comma" offers "1,$$" "$ASSAY" record -p "1,$$"
check "the completion offers any file to write to" offers notes.txt "$ASSAY" flame one.assay -o n
check "the completion offers programs behind '--'" offers sleep "$ASSAY" record -- slee

cat >"$WORK/busy.c" <<-'C'
	#include <string.h>
	#include <time.h>
	static char text[1 << 16];
	int main(void)
	{
	    volatile unsigned long n = 0;
	    memset(text, 'x', sizeof(text) - 1);
	    while (clock() < 6 * CLOCKS_PER_SEC)
	        for (unsigned int i = 0; i < strlen(text) && i < 100; i++)
	            n += (unsigned char)text[i];
	    return 0;
	}
C
check "a program is recorded for the tests below" eval \
	'gcc -O0 -g "$WORK/busy.c" -o "$WORK/busy" && "$ASSAY" record -q -F 199 -o "$WORK/x.assay" -- "$WORK/busy"'
check "every key of 'doctor --json' is documented" json_is_documented doctor
check "every key of 'record --json' is documented" json_is_documented record -d 0.5 -o "$WORK/y.assay" -- "$WORK/busy"
check "every key of 'report --json' is documented" json_is_documented report "$WORK/x.assay"
check "every key of 'report --by thread --json' is documented" json_is_documented report --by thread "$WORK/x.assay"
check "every key of 'report --focus --json' is documented" json_is_documented report --focus main "$WORK/x.assay"
check "every key of 'annotate --json' is documented" json_is_documented annotate "$WORK/x.assay"
check "every key of 'diagnose --focus --json' is documented" json_is_documented diagnose --focus main "$WORK/x.assay"
check "every key of 'import --json' is documented" eval \
	'echo "a;b 3" >"$WORK/i.folded" && json_is_documented import "$WORK/i.folded" -o "$WORK/i.assay"'
check "every key of 'flame --json' is documented" json_is_documented flame "$WORK/x.assay" -o "$WORK/x.html"
check "every key of 'export --json' is documented" json_is_documented export --to folded "$WORK/x.assay" -o "$WORK/x.folded"
check "the program has a finding with evidence and a fix, and its plan a step" has_a_step
check "every key of 'diagnose --json' is documented" json_is_documented diagnose "$WORK/x.assay"
check "every key of 'plan --json' is documented" json_is_documented plan "$WORK/x.assay"
check "every key of 'verify --json' is documented" eval \
	'"$ASSAY" plan "$WORK/x.assay" -o "$WORK/plan.json" && json_is_documented verify "$WORK/plan.json" "$WORK/x.assay"'
finish
