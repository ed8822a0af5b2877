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
        printf '%s\0' $answer
    end
end
complete -c pytc -f -a '(__pytc_offers | string split0)'
