"""``completion``: the scripts with which shells complete pytc's words.

Each asks ``pytc`` itself, with the name of the shell in the environment variable _PYTC_COMPLETE, and never evaluates
what comes back: names of devices, sections and files may be anything.
"""

from pytc.commands.shared.command import Help
from pytc.errors import UsageError
from pytc.words.engine import Cursor, choose, no_more

# The answer is a list that NULs end: what else may come (files, directories, no blank behind), then the words, quoted.
_BASH = """\
# bash completion for pytc: source <(pytc completion bash)
_pytc() {
    local -a answer=()
    mapfile -d '' -t answer < <(
        _PYTC_COMPLETE=bash command pytc "${COMP_LINE:0:COMP_POINT}" "$2" </dev/null 2>/dev/null
    )
    case ${answer[0]-} in
        *files*) compopt -o default ;;
        *directories*) compopt -o dirnames ;;
    esac
    case ${answer[0]-} in
        *nospace*) compopt -o nospace ;;
    esac
    COMPREPLY=("${answer[@]:1}")
}
complete -F _pytc pytc
"""
_ZSH = """\
#compdef pytc
# zsh completion for pytc: source <(pytc completion zsh), after compinit
_pytc() {
    local -a answer
    answer=("${(@0)$(
        _PYTC_COMPLETE=zsh command pytc "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" </dev/null 2>/dev/null
    )}")
    local more=$answer[1]
    local -a offered=("${(@)answer[2,-2]}") behind=()
    [[ $more == *nospace* ]] && behind=(-S '')
    (( $#offered )) && compadd $behind -- "${(@)offered}"
    case $more in
        *files*) _files ;;
        *directories*) _files -/ ;;
    esac
}
if [[ $funcstack[1] == _pytc ]]; then
    _pytc "$@"
else
    compdef _pytc pytc
fi
"""
_FISH = """\
# fish completion for pytc: pytc completion fish | source
function __pytc_offers
    set -l given (commandline -opc)
    set -e given[1]
    set -l begun (commandline -ct)
    set -l answer (_PYTC_COMPLETE=fish command pytc $given "$begun" </dev/null 2>/dev/null | string split0)
    switch "$answer[1]"
        case '*files*'
            __fish_complete_path "$begun" | string join0
        case '*directories*'
            __fish_complete_directories "$begun" '' | string join0
    end
    set -e answer[1]
    if set -q answer[1]
        printf '%s\\0' $answer
    end
end
complete -c pytc -f -a '(__pytc_offers | string split0)'
"""
SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
TEXTS: dict[str, str] = {
    "completion": """\
Usage: pytc completion { bash | zsh | fish }

Prints a script with which the shell completes words of pytc, devices, network namespaces, pins, files, and the
sections, programs, maps and variables of the object file that is named in the line.

bash  source <(pytc completion bash)
zsh   source <(pytc completion zsh)
fish  pytc completion fish | source
""",
    **{f"completion {shell}": script for shell, script in SCRIPTS.items()},
}


def parse(words: list[str]) -> Help:
    """The words after ``completion``; raises UsageError."""
    cursor = Cursor(words)
    if cursor.done:
        return Help("completion")
    word = cursor.take()
    shell = choose(word, (*SCRIPTS, "help"))
    if not shell:
        raise UsageError(f'Shell "{word}" is unknown, {", ".join(SCRIPTS)} are known.')
    no_more(cursor, "completion")
    return Help("completion" if shell == "help" else f"completion {shell}")
