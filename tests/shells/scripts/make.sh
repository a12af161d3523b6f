# SPDX-License-Identifier: MIT
# GNU make with parallel jobs, a job server across recursive calls, failures, and -k.
set -u
mkdir sub
cat >Makefile <<'END'
numbers := $(shell seq 1 20)
parts := $(addprefix part.,$(numbers))
all: total sub/total
total: $(parts)
	cat $^ | awk '{ s += $$1 } END { print s }' >$@
part.%:
	@expr $* '*' $* >$@
sub/total: force
	$(MAKE) -s -C sub total
force:
fails: good.1 bad good.2
good.%: ; @echo $@ >$@
bad: ; @exit 3
killed: ; @kill -TERM $$$$
clean: ; rm -f part.* total good.* sub/part.* sub/total
.PHONY: all force fails bad clean
END
cat >sub/Makefile <<'END'
total: $(foreach n,1 2 3 4 5 6 7 8,part.$n)
	cat $^ | sort -n | tr '\n' ' ' >$@
part.%: ; echo $* >$@
END
make -s -j4
echo "make: $?"
cat total sub/total
echo
make -s -j4 && echo 'again'
make clean | wc -l
make -s -j1 total && cat total
make -s -j2 -k fails >/dev/null 2>&1
echo "fails: $? $(cat good.1 good.2 | tr '\n' ' ')"
make -s fails 2>/dev/null
echo "fails: $?"
make -s killed 2>/dev/null
echo "killed: $?"
make -s no-such-target 2>/dev/null
echo "no rule: $?"
printf 'x:\n\t@echo from standard input $(MAKELEVEL)\n' | make -s -f -
seq 1 30 | sed 's/.*/t&: ; @echo &/; $a all: $(shell seq 1 30 | sed s,^,t,)' >many.mk
make -f many.mk -j8 -s all | sort -n | tail -n 1
make -f many.mk -j8 -O -s all | wc -l
