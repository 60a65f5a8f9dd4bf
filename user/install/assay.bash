# Completion of the assay command for bash. Commands, options and the values of options are read
# from `assay --help` and `assay COMMAND --help`, so that this file never falls behind.
# SPDX-License-Identifier: BSD-2-Clause

# The lines of the option list in a command's help that begin with $2: all for "", or one option's.
_assay_rows() { # HELP OPTION
	local row left
	while IFS= read -r row; do
		[[ $row =~ ^\ {2}(-[A-Za-z],|\ {3})\ --[a-z] ]] || continue
		left=${row#*--}
		left=--${left%%[!a-z-]*}
		[[ -z $2 || $2 == "$left" || $2 == "${row:2:2}" ]] && printf '%s\n' "$row"
	done <<<"$1"
}

# Every option of the help, both spellings.
_assay_options() { # HELP
	local row left
	while IFS= read -r row; do
		left=${row#*--}
		printf -- '--%s\n' "${left%%[!a-z-]*}"
		[[ $row == "  -"* ]] && printf '%s\n' "${row:2:2}"
	done < <(_assay_rows "$1" "")
}

# What the option in row $1 takes: the capitals behind its name ("FILE"), or nothing.
_assay_argument() { # ROW
	[[ $1 =~ --[a-z-]+\ ([A-Z]+) ]] && printf '%s' "${BASH_REMATCH[1]}"
}

# The values that a help text lists at its end: "rows by function, file or thread".
_assay_values() { # ROW
	[[ $1 =~ (([a-z_-]+,\ )*[a-z_-]+\ or\ [a-z_-]+)$ ]] || return 0
	local list=${BASH_REMATCH[1]//,/ }
	printf '%s\n' ${list// or / }
}

_assay_files() { # SUFFIX CURRENT
	local IFS=$'\n'
	compopt -o filenames 2>/dev/null
	COMPREPLY=($(compgen -d -- "$2") $(compgen -f -X "!*$1" -- "$2"))
}

_assay_value() { # ROW CURRENT
	local IFS=$' \t\n'
	case $(_assay_argument "$1") in
	FILE)
		compopt -o filenames 2>/dev/null
		IFS=$'\n'
		COMPREPLY=($(compgen -f -- "$2"))
		;;
	DIR | PATH)
		compopt -o filenames 2>/dev/null
		IFS=$'\n'
		COMPREPLY=($(compgen -d -- "$2"))
		;;
	PID)
		local before=
		[[ $2 == *,* ]] && before=${2%,*},
		COMPREPLY=($(compgen -P "$before" -W "$(cd /proc && printf '%s ' [0-9]*)" -- "${2##*,}"))
		;;
	*) COMPREPLY=($(compgen -W "$(_assay_values "$1")" -- "$2")) ;;
	esac
}

# Behind "--" stands another command.
_assay_other_command() { # INDEX OF ITS FIRST WORD
	if declare -F _command_offset >/dev/null; then
		_command_offset "$1"
	elif ((COMP_CWORD == $1)); then
		COMPREPLY=($(compgen -c -- "${COMP_WORDS[COMP_CWORD]}"))
	else
		compopt -o default 2>/dev/null
	fi
}

_assay() {
	local assay=${1/#\~/$HOME} current=${COMP_WORDS[COMP_CWORD]} previous command help row=
	local i files=0
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		COMPREPLY=($(compgen -W "$("$assay" --help 2>/dev/null |
			sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p') --help --version" -- "$current"))
		return
	fi
	command=${COMP_WORDS[1]}
	help=$("$assay" "$command" --help 2>/dev/null) || return 0
	for ((i = 2; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- ]]; then
			_assay_other_command $((i + 1))
			return
		fi
	done

	# bash splits "--by=thread" into three words.
	previous=${COMP_WORDS[COMP_CWORD - 1]}
	[[ $current == = ]] && current='' && row=$(_assay_rows "$help" "$previous")
	[[ $previous == = ]] && previous=${COMP_WORDS[COMP_CWORD - 2]}
	[[ $previous == -* ]] && row=$(_assay_rows "$help" "$previous")
	if [[ -n $row && -n $(_assay_argument "$row") ]]; then
		_assay_value "$row" "$current"
		return
	fi
	if [[ $current == -* ]]; then
		COMPREPLY=($(compgen -W "$(_assay_options "$help")" -- "$current"))
		return
	fi

	# Files, where the synopsis has them: a plan first, then recordings.
	for ((i = 2; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -* || ${COMP_WORDS[i]} == = ]] && continue
		row=$(_assay_rows "$help" "${COMP_WORDS[i - 1]}")
		[[ ${COMP_WORDS[i - 1]} == -* && -n $(_assay_argument "$row") ]] || files=$((files + 1))
	done
	help=${help#*usage: }
	help=${help%%$'\n'*}
	if [[ $help == *PLAN* && $files == 0 ]]; then
		_assay_files .json "$current"
	elif [[ $help == *FILE* ]]; then
		_assay_files .assay "$current"
	fi
}

complete -F _assay assay
