PROMPT=
autoload -U compinit
compinit -u -D
source $COMPLETION_SCRIPT
bindkey '^I' complete-word
zstyle ':completion:*' insert-tab false
comppostfuncs=(exit)
compadd() {
  # These only compute.
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
    builtin compadd "$@"
    return
  fi
  local -a offered
  builtin compadd -A offered "$@"
  local each
  for each in "${offered[@]}"; do print -r -- "<<$each>>"; done
}
print READY
