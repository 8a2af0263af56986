# zsh -f zsh-offers.zsh SCRIPT LINE: what an interactive zsh with the completion SCRIPT would offer behind LINE, each as <<word>>.
# Offers exist only while its line editor runs, so there is one in a terminal of its own, whose compadd tells what it is given.
zmodload zsh/zpty || exit 1
export COMPLETION_SCRIPT=$1
zpty offers zsh -f -i
zpty -w offers "source ${0:A:h}/zsh-offers-init.zsh"
while zpty -r offers line; do [[ $line == READY* ]] && break; done
zpty -w -n offers "$2"$'\t'
while zpty -r offers line; do print -r -- "$line"; done
