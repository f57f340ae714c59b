#!/usr/bin/env zsh
# Prints what zsh would offer behind a line, one word a line:
#
#   zsh -f zsh_offers.zsh FOLDER_OF_COMPLETIONS DUMP LINE
#
# An interactive zsh on a pseudo-terminal completes the line. Its compadd prints the words in the place of showing
# them; the lines before and behind them hold a NUL. (The way of Valodim's zsh-capture-completion.)
zmodload zsh/zpty || exit 1
setopt rc_quotes
zpty z zsh -f -i
() {
  zpty -w z "source $1"
  local line
  repeat 5; do
    zpty -r z line
    [[ $line == ok* ]] && return
  done
  print -u2 "zsh did not start: $line"
  exit 2
} =(<<< "
PROMPT=
fpath=(${(q)1} \$fpath)
autoload -Uz compinit
compinit -u -d ${(q)2}
"'
bindkey ''^I'' complete-word
null-line() { print -r -- $''\0'' }
compprefuncs=(null-line)
comppostfuncs=(null-line exit)
zstyle '':completion:*'' insert-tab false
compadd() {
  # _describe and its like ask compadd to fill arrays.
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
    builtin compadd "$@"
    return
  fi
  local -a hits
  builtin compadd -A hits "$@"
  (( $#hits )) && print -rl -- $hits
  builtin compadd "$@"
}
print ok')
zpty -w z "$3"$'\t'
integer between=0
while zpty -r z line; do
  for line in ${(f)line}; do
    if [[ $line == *$'\0'* ]]; then
      (( between++ )) && exit 0
    elif (( between )); then
      print -r -- ${line%$'\r'}
    fi
  done
done
exit 2
