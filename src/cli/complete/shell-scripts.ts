/** The shells that have a script. */
export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * Returns the script that completes command lines in a shell. It passes the words before the cursor to `multiarch
 * __complete`, and evaluates none of them.
 */
export function shellScript(shell: Shell): string {
  return SCRIPTS[shell];
}

/**
 * bash splits words at the characters of COMP_WORDBREAKS, `:`, `=` and `@` among them, and replaces only what follows the last
 * one. So the words are joined again, and the start of each candidate is removed. Written for bash 3.2 of macOS too, which has
 * no `compopt`.
 */
const BASH = `# bash completion for multiarch

_multiarch() {
    local rest=\${COMP_LINE:0:COMP_POINT} program=\${COMP_WORDS[0]} tab=$'\\t'
    local blank word current start directive line value shown width=0 i
    local -a words=() lines=() values=()
    COMPREPLY=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        blank=\${rest%%[![:space:]]*}
        rest=\${rest#"$blank"}
        word=\${COMP_WORDS[i]}
        ((i == COMP_CWORD)) && word=$rest
        rest=\${rest#"$word"}
        word=\${word//[\\"\\'\\\\]/}
        if [[ -n $blank || i -eq 0 ]]; then
            words+=("$word")
        else
            words[\${#words[@]} - 1]+=$word
        fi
    done
    current=\${words[\${#words[@]} - 1]}
    program=\${program/#\\~\\//$HOME/}
    type -P "$program" >/dev/null || program=multiarch

    while IFS= read -r line; do lines+=("$line"); done < <("$program" __complete "\${words[@]:1}" 2>/dev/null)
    ((\${#lines[@]} > 0)) || return
    directive=\${lines[\${#lines[@]} - 1]#:}
    unset "lines[\${#lines[@]} - 1]"

    if type compopt &>/dev/null; then
        ((directive & 2)) && compopt -o nospace
        ((directive & 4)) && compopt +o default
        ((directive & 16)) && compopt +o default -o dirnames
    fi

    # The flag of --flag=VALUE is not part of the candidates, and what precedes the last word break is not replaced.
    [[ $current == -*=* ]] && line=\${current%%=*}= || line=
    # Inside quotes, the whole word is.
    [[ \${COMP_WORDS[COMP_CWORD]} == [\\"\\']* ]] && start= || start=$current
    while [[ -n $start && $COMP_WORDBREAKS != *"\${start:\${#start}-1}"* ]]; do start=\${start%?}; done
    # readline replaces this one too.
    start=\${start%@}
    for ((i = 0; i < \${#lines[@]}; i++)); do
        value=$line\${lines[i]%%"$tab"*}
        value=\${value#"$start"}
        values[i]=$value
        ((\${#value} > width)) && width=\${#value}
    done

    # A list of candidates shows their descriptions. A candidate that may be inserted has none.
    for ((i = 0; i < \${#lines[@]}; i++)); do
        value=\${values[i]}
        if ((\${#lines[@]} > 1)) && [[ $COMP_TYPE == 63 && \${lines[i]} == *"$tab"* ]]; then
            printf -v shown '%-*s  (%s' "$width" "$value" "\${lines[i]#*"$tab"}"
            ((\${#shown} >= \${COLUMNS:-80} - 1)) && shown="\${shown:0:\${COLUMNS:-80} - 3}…"
            COMPREPLY+=("$shown)")
        elif [[ $value == *[!A-Za-z0-9_./:,@%+=~-]* ]]; then
            printf -v shown %q "$value"
            COMPREPLY+=("$shown")
        else
            COMPREPLY+=("$value")
        fi
    done
}

complete -o default -F _multiarch multiarch
`;

const ZSH = `#compdef multiarch
# zsh completion for multiarch

_multiarch() {
    local directive line tab=$'\\t'
    local -a lines candidates options
    lines=("\${(@f)$("\${(Q)words[1]/#\\~\\//$HOME/}" __complete "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}")
    directive=\${lines[-1]#:}
    [[ $directive == <-> ]] || return 1
    lines[-1]=()

    # The flag of --flag=VALUE is not part of the candidates.
    [[ $PREFIX == -*=* ]] && compset -P '*='
    for line in "\${lines[@]}"; do
        line=\${line//:/\\\\:}
        candidates+=("\${line/$tab/:}")
    done
    ((directive & 2)) && options=(-S '')
    if ((\${#candidates})); then
        _describe -t values multiarch candidates "\${options[@]}" && return
    fi
    if ((directive & 16)); then
        _files -/
    elif ((!(directive & 4))); then
        _files
    else
        return 1
    fi
}

if [[ $funcstack[1] == _multiarch ]]; then
    _multiarch "$@"
else
    compdef _multiarch multiarch
fi
`;

const FISH = `# fish completion for multiarch

function __multiarch_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct | string replace -ra '["\\'\\\\\\\\]' '')
    set -l lines ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    set -q lines[1]; or return
    set -l directive (string replace : '' -- $lines[-1])
    set -e lines[-1]

    # The flag of --flag=VALUE is not part of the candidates.
    set -l flag (string match -r -- '^-[^=]*=' "$current"; or echo '')
    if set -q lines[1]
        for line in $lines
            printf '%s\\n' $flag$line
        end
    else if test $directive = 16
        set -l value (string replace -r -- '^-[^=]*=' '' "$current")
        for line in (__fish_complete_directories "$value" '')
            printf '%s\\n' $flag$line
        end
    else if test $directive = 0
        set -l value (string replace -r -- '^-[^=]*=' '' "$current")
        for line in (__fish_complete_path "$value" '')
            printf '%s\\n' $flag$line
        end
    end
end

complete -c multiarch -f -a '(__multiarch_complete)'
`;

/** PowerShell before 7.3 drops empty arguments, and completes files if nothing is returned. */
const POWERSHELL = `# PowerShell completion for multiarch

Register-ArgumentCompleter -Native -CommandName multiarch -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements |
        Where-Object { $_.Extent.StartOffset -lt $cursorPosition } |
        ForEach-Object { $_.Extent.Text.Substring(0, [Math]::Min($_.Extent.Text.Length, $cursorPosition - $_.Extent.StartOffset)).Trim('"', "'") })
    $program = $words[0]
    $arguments = @($words | Select-Object -Skip 1)
    if ($wordToComplete -eq '') {
        $isLegacy = $PSVersionTable.PSVersion -lt [Version]'7.3' -or $PSNativeCommandArgumentPassing -eq 'Legacy'
        $arguments += if ($isLegacy) { '""' } else { '' }
    }
    $flag = if ($wordToComplete -match '^(-[^=]*=)') { $Matches[1] } else { '' }
    $lines = @(& $program __complete @arguments 2>$null)
    if ($lines.Count -eq 0) { return }
    $directive = [int]$lines[-1].TrimStart(':')
    if ($lines.Count -gt 1) {
        $lines[0..($lines.Count - 2)] | ForEach-Object {
            $value, $description = $_ -split "\`t", 2
            if (-not $description) { $description = $value }
            $text = $flag + $value
            $space = if ($directive -band 2) { '' } else { ' ' }
            if ($text -match '[^\\w./:@+=-]') { $text = "'" + $text.Replace("'", "''") + "'" }
            [System.Management.Automation.CompletionResult]::new($text + $space, $value, 'ParameterValue', $description)
        }
    } elseif ($directive -band 4) {
        ''
    }
}
`;

const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: BASH,
  zsh: ZSH,
  fish: FISH,
  powershell: POWERSHELL,
};
