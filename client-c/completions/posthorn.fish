# completions/posthorn.fish - fish completion for posthorn
set -l commands register login logout whoami send listen history conversations read group devices outbox doctor \
    help version chat
complete -c posthorn -f
complete -c posthorn -s s -l server -x -d 'the server'
complete -c posthorn -l ca -r -F -d 'trust these certificates'
complete -c posthorn -s p -l profile -x -d 'who to be' \
    -a "(command ls (set -q XDG_STATE_HOME; and echo \$XDG_STATE_HOME; or echo ~/.local/state)/posthorn 2>/dev/null)"
complete -c posthorn -l http -x -a 'auto 2 1.1' -d 'HTTP version'
complete -c posthorn -l transport -x -a 'auto ws sse push longpoll poll' -d 'how events come'
complete -c posthorn -l proxy -x -a none -d 'an HTTP proxy'
complete -c posthorn -l stay -d 'only ever connect to this server'
complete -c posthorn -s j -l json -d 'data as JSON'
complete -c posthorn -s q -l quiet -d 'errors only'
complete -c posthorn -l no-color -d 'no colors'
complete -c posthorn -l no-input -d 'never ask'
complete -c posthorn -s h -l help -d help
complete -c posthorn -l version -d versions
complete -c posthorn -n "not __fish_seen_subcommand_from $commands" -a register -d 'make an account and log in'
complete -c posthorn -n "not __fish_seen_subcommand_from $commands" -a login -d 'open a session'
complete -c posthorn -n "not __fish_seen_subcommand_from $commands" -a logout -d 'end the session'
complete -c posthorn -n "not __fish_seen_subcommand_from $commands" -a whoami -d 'who is logged in'
complete -c posthorn -n "not __fish_seen_subcommand_from $commands" -a send -d 'send a message'
complete -c posthorn -n "not __fish_seen_subcommand_from $commands" -a listen -d 'print what comes'
complete -c posthorn -n "not __fish_seen_subcommand_from $commands" -a history -d 'messages of a conversation'
complete -c posthorn -n "not __fish_seen_subcommand_from $commands" -a conversations -d 'the conversations'
complete -c posthorn -n "not __fish_seen_subcommand_from $commands" -a read -d 'mark as read'
complete -c posthorn -n "not __fish_seen_subcommand_from $commands" -a group -d 'groups of up to 100'
complete -c posthorn -n "not __fish_seen_subcommand_from $commands" -a devices -d 'where this account is logged in'
complete -c posthorn -n "not __fish_seen_subcommand_from $commands" -a outbox -d 'messages that wait'
complete -c posthorn -n "not __fish_seen_subcommand_from $commands" -a doctor -d 'find out why it does not work'
complete -c posthorn -n "not __fish_seen_subcommand_from $commands" -a help -d help
complete -c posthorn -n "not __fish_seen_subcommand_from $commands" -a version -d versions
complete -c posthorn -n "not __fish_seen_subcommand_from $commands" -a chat -d 'chat line by line'
complete -c posthorn -n '__fish_seen_subcommand_from register login' -l password-file -r -F -d 'the password'
complete -c posthorn -n '__fish_seen_subcommand_from register login' -l device -x -d 'name of this device'
complete -c posthorn -n '__fish_seen_subcommand_from register' -l name -x -d 'the name others see'
complete -c posthorn -n '__fish_seen_subcommand_from register' -l no-login -d 'only make the account'
complete -c posthorn -n '__fish_seen_subcommand_from logout' -s f -l force -d 'lose what waits'
complete -c posthorn -n '__fish_seen_subcommand_from send' -l reply-to -x -d 'answer this place'
complete -c posthorn -n '__fish_seen_subcommand_from send listen outbox' -s w -l wait -x -d seconds
complete -c posthorn -n '__fish_seen_subcommand_from listen' -s v -l ways -d 'say which way'
complete -c posthorn -n '__fish_seen_subcommand_from listen' -s c -l count -x -d events
complete -c posthorn -n '__fish_seen_subcommand_from history' -s n -l limit -x -d messages
complete -c posthorn -n '__fish_seen_subcommand_from history' -l before -x -d 'id of a message'
complete -c posthorn -n '__fish_seen_subcommand_from history' -l after -x -d 'id of a message'
complete -c posthorn -n '__fish_seen_subcommand_from read' -l seq -x -d place
complete -c posthorn -n '__fish_seen_subcommand_from group' -a 'create add remove leave members rename'
complete -c posthorn -n '__fish_seen_subcommand_from group' -l role -x -a 'member admin owner'
complete -c posthorn -n '__fish_seen_subcommand_from devices' -a 'list revoke'
complete -c posthorn -n '__fish_seen_subcommand_from help' -a "$commands"
