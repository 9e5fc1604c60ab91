#!/bin/sh
# A whale that says its arguments (or its input) in a bubble, 40 columns wide. Builtins only: it starts at once.
while [ "${1#-}" != "${1:-}" ]; do
  case $1 in -f | -W | -e | -T) shift ;; esac
  shift
done
if [ $# -gt 0 ]; then text=$*; else text=$(cat); fi

width=0 lines=
keep() {
  lines="$lines$line
"
  [ ${#line} -gt $width ] && width=${#line}
  line=
}
set -f
line=
while [ ${#text} -gt 0 ]; do
  paragraph=${text%%
*}
  rest=${text#"$paragraph"}
  text=${rest#?}
  for word in $paragraph; do
    if [ -n "$line" ] && [ $((${#line} + 1 + ${#word})) -gt 40 ]; then keep; fi
    line="${line:+$line }$word"
  done
  keep
done
[ -n "$lines" ] || keep

rule() { r=; i=0; while [ $i -lt $((width + 2)) ]; do r=$r$1; i=$((i + 1)); done; printf ' %s \n' "$r"; }
count=0
while IFS= read -r l; do count=$((count + 1)); done <<EOF
${lines%?}
EOF
rule _
n=0
while IFS= read -r l; do
  n=$((n + 1))
  left='|' right='|'
  if [ $count -eq 1 ]; then left='<' right='>'
  elif [ $n -eq 1 ]; then left='/' right='\'
  elif [ $n -eq $count ]; then left='\' right='/'; fi
  printf "%s %-${width}s %s\n" "$left" "$l" "$right"
done <<EOF
${lines%?}
EOF
rule -
cat <<'EOF'
    \
     \        . : '
      \     ___|_____
        .-'`         `'-.   /\/\
       /   o             \__\  /
       \  ____            __.-'
        `-.___.-._____.-'`
  ~^~^~^~~^~^~~~^~^~~^~~^~^~~^~^~
EOF
