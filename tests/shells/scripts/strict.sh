# SPDX-License-Identifier: MIT
# bash and mksh: set -euo pipefail, arrays, process substitution where there is one.
set -euo pipefail

false | true && echo unreached || echo "pipefail: $?"
(exit 4) | (exit 5) | true || echo "the last that failed: $?"
array=(one 'two words' three)
array+=(four)
echo "${#array[@]} ${array[1]} ${array[*]:1:2}"
for item in "${array[@]}"; do printf '<%s>' "$item"; done
echo
unset 'array[1]'
echo "${!array[@]}"
count() { local n=$#; echo "$n"; }
count "${array[@]}"
if [[ abc == a* && ! abc == b* ]]; then echo matched; fi
(( 3 > 2 )) && echo greater
x=abcdef
echo "${x:2:3} ${x/cd/-} ${x//[ace]/.}"
while read -r line; do echo "$line"; done < <(seq 1 3) || true
f() { local v=$1; [[ $v -gt 0 ]] || return 3; f $((v - 1)); }
f 50 || echo "recursion: $?"
r=$(set +e; (exit 9); echo $?)
echo "$r"
trap 'echo "exit with $?"' EXIT
( set -e; false; echo unreached ) || echo "inner: $?"
echo "${undefined-unset}"
echo "$(< "$0")" | head -n 1
undefined_command_xyz 2>/dev/null || echo "not found: $?"
echo "$undefined_variable" 2>/dev/null
echo unreached
