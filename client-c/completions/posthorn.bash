# completions/posthorn.bash - bash completion for posthorn
_posthorn() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= i
    local commands="register login logout whoami send listen history conversations read group devices outbox
        doctor help version chat"
    local options="--server --ca --profile --http --transport --proxy --stay --json --quiet --no-color --no-input --help --version"
    case $before in
    --ca|--password-file) COMPREPLY=($(compgen -f -- "$word")); return ;;
    --http) COMPREPLY=($(compgen -W "auto 2 1.1" -- "$word")); return ;;
    --transport) COMPREPLY=($(compgen -W "auto ws sse push longpoll poll" -- "$word")); return ;;
    --role) COMPREPLY=($(compgen -W "member admin owner" -- "$word")); return ;;
    --profile|-p)
        COMPREPLY=($(compgen -W "$(ls "${XDG_STATE_HOME:-$HOME/.local/state}/posthorn" 2>/dev/null)" -- "$word"))
        return ;;
    --server|-s|--proxy|--name|--device|--limit|-n|--before|--after|--count|-c|--wait|-w|--reply-to|--seq) return ;;
    esac
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --server|--ca|--profile|--http|--transport|--proxy|-s|-p) ((i++)) ;;
        -*) ;;
        *) command=${COMP_WORDS[i]}; break ;;
        esac
    done
    case $command in
    "") COMPREPLY=($(compgen -W "$commands $options" -- "$word")); return ;;
    register) options="--name --password-file --device --no-login $options" ;;
    login) options="--password-file --device $options" ;;
    logout) options="--force $options" ;;
    send) options="--reply-to --wait $options" ;;
    listen) options="--count --wait --ways $options" ;;
    history) options="--limit --before --after $options" ;;
    read) options="--seq $options" ;;
    outbox) options="--wait $options" ;;
    group)
        options="--role $options"
        ((COMP_CWORD == i + 1)) && options="create add remove leave members rename $options" ;;
    devices) options="list revoke $options" ;;
    help) options="$commands" ;;
    esac
    COMPREPLY=($(compgen -W "$options" -- "$word"))
}
complete -F _posthorn posthorn
