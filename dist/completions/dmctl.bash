# SPDX-License-Identifier: ISC
# bash completion for dmctl(8) and data-mesher. Commands and options are asked
# of the program itself, names of files of the daemon where it answers.

_dmctl_commands() {
	"$1" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z ]*[a-z]\) .*/\1/p'
}

_dmctl_options() {
	"$@" --help 2>/dev/null | grep -o -- '--\?[a-z][a-z0-9-]*' |
	    grep -- '^--' | sort -u
}

# The options before the word under the cursor say which daemon is meant.
_dmctl_names() {
	local program=$1 i where=()

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | --socket | -f | --config)
			where+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}")
			;;
		esac
	done
	"$program" list --no-header --timeout 1s "${where[@]}" 2>/dev/null |
	    cut -f1
}

_dmctl() {
	local program=${COMP_WORDS[0]} cur=${COMP_WORDS[COMP_CWORD]}
	local prev=${COMP_WORDS[COMP_CWORD - 1]} i words=()

	COMPREPLY=()
	case $prev in
	-k | --key | --key-path | -o | --output | -s | --socket | -f | --config)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames 2>/dev/null
		return
		;;
	-u | --url | -n | --name | --valid-for | --network | --timeout | --sha256)
		return
		;;
	esac
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-k | --key | --key-path | -o | --output | -s | --socket | \
		    -f | --config | -u | --url | -n | --name | --valid-for | \
		    --network | --timeout | --sha256 | --version)
			((i++))
			;;
		-*) ;;
		*) words+=("${COMP_WORDS[i]}") ;;
		esac
	done
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
		    "$(_dmctl_options "$program" "${words[@]:0:2}")" -- "$cur")
		return
	fi
	if [[ ${words[*]} == verify && " ${COMP_WORDS[*]} " =~ \ (-b|--bundle)\  ]]
	then
		words=(submit)
	fi
	case ${words[*]} in
	"")
		mapfile -t COMPREPLY < <(compgen -W \
		    "$(_dmctl_commands "$program" | cut -d' ' -f1)" -- "$cur")
		;;
	file | generate)
		mapfile -t COMPREPLY < <(compgen -W \
		    "$(_dmctl_commands "$program" |
			sed -n "s/^${words[0]} //p")" -- "$cur")
		;;
	log)
		mapfile -t COMPREPLY < <(compgen -W \
		    "fatal error warn info debug" -- "$cur")
		;;
	upload* | "file update"* | sign* | submit*)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames 2>/dev/null
		;;
	show | get | wait | verify | why | forget | list | delete* | "file delete"*)
		mapfile -t COMPREPLY < <(compgen -W \
		    "$(_dmctl_names "$program")" -- "$cur")
		;;
	esac
}
complete -F _dmctl dmctl data-mesher
