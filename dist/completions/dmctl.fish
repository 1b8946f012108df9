# SPDX-License-Identifier: ISC
# fish completion for dmctl(8) and data-mesher. Commands and options are asked
# of the program itself, names of files of the daemon where it answers.

function __dmctl_plain --description 'the words that are no options'
    set -l skip no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
            continue
        end
        switch $word
            case -k --key --key-path -o --output -s --socket -f --config \
                    -u --url -n --name --valid-for --network --timeout \
                    --sha256 --version
                set skip yes
            case '-*'
            case '*'
                echo $word
        end
    end
end

function __dmctl_where --description 'the options that name a daemon'
    set -l next no
    for word in (commandline -opc)
        if test $next = yes
            echo $word
            set next no
        else if contains -- $word -s --socket -f --config
            echo $word
            set next yes
        end
    end
end

function __dmctl_complete
    set -l program (commandline -opc)[1]
    set -l plain (__dmctl_plain)
    set -l current (commandline -ct)
    if string match -q -- '-*' $current
        set -l command $plain
        test (count $plain) -gt 2; and set command $plain[1..2]
        $program $command --help 2>/dev/null | string replace -rf \
            '^ .*(--[a-z0-9-]+)(?: [A-Z]+)?  +(.*)' '$1\t$2'
        return
    end
    if test "$plain" = verify
        # a bundle is a file
        string match -qr -- '^(-b|--bundle)$' (commandline -opc)
        and set plain submit
    end
    switch "$plain"
        case ''
            $program --help 2>/dev/null | string replace -rf \
                '^  ([a-z]+).*   ?(.*)' '$1\t$2'
        case file generate
            $program --help 2>/dev/null | string replace -rf \
                "^  $plain ([a-z]+).*" '$1'
        case log
            printf '%s\n' fatal error warn info debug
        case 'upload*' 'file update*' 'sign*' 'submit*'
            __fish_complete_path $current
        case show get wait verify why forget list 'delete*' 'file delete*'
            $program list --no-header --timeout 1s (__dmctl_where) \
                2>/dev/null | string replace -r '\t.*' ''
    end
end

for program in dmctl data-mesher
    complete -c $program -f -a '(__dmctl_complete)'
    complete -c $program -s k -l key -l key-path -rF
    complete -c $program -s o -l output -rF
    complete -c $program -s s -l socket -rF
    complete -c $program -s f -l config -rF
end
