#!/bin/bash
# SPDX-License-Identifier: MIT
# Compilers, and make -j4 of zlib with its own tests; libraries loaded while a program runs.
set -eu

cat >hello.c <<'END'
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        void *library = dlopen(argv[i], RTLD_NOW);
        int (*answer)(int) = library ? (int (*)(int))dlsym(library, "answer") : NULL;
        printf("%s: %d\n", argv[i], answer ? answer(i) : -1);
        if (library)
            dlclose(library);
    }
    return argc;
}
END
for n in 1 2 3; do
    echo "static __thread int t = $n; int answer(int x) { return t++ * 100 + x; }" >p$n.c
    gcc -O2 -shared -fPIC -o ./p$n.so p$n.c
done
gcc -O2 -Wall -o hello hello.c
./hello ./p1.so ./p2.so ./p3.so ./none.so ./p1.so || echo "code $?"

cat >words.cc <<'END'
#include <algorithm>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>
struct shape { virtual ~shape() = default; virtual double area() const = 0; };
struct square : shape { double s; explicit square(double x) : s(x) {} double area() const override { return s * s; } };
static int depth(int n) { if (!n) throw std::runtime_error("bottom"); return depth(n - 1) + 1; }
int main()
{
    std::istringstream in("the quick brown fox jumps over the lazy dog the end");
    std::map<std::string, int> count;
    for (std::string w; in >> w;) count[w]++;
    for (auto &[w, n] : count) std::cout << w << '=' << n << ' ';
    std::vector<std::future<long>> sums;
    for (int i = 0; i < 8; i++) sums.push_back(std::async(std::launch::async, [i] { long s = 0; for (int k = 0; k < 100000; k++) s += k % (i + 1); return s; }));
    for (auto &s : sums) std::cout << s.get() << ' ';
    std::unique_ptr<shape> p = std::make_unique<square>(3);
    std::cout << p->area() << ' ' << std::regex_replace("a1b22", std::regex("[0-9]+"), "#") << '\n';
    try { depth(1000); } catch (const std::exception &e) { std::cout << e.what() << '\n'; }
}
END
g++ -O2 -std=c++20 -pthread -o words words.cc
./words
g++ -O0 -g -std=c++20 -pthread -static -o words-static words.cc
./words-static | md5sum
ld --version | head -n 1 | cut -c 1-6

cp -r /usr/src/zlib .
cd zlib
./configure --prefix=/tmp/work/z >configure.log
grep -c 'Yes\.' configure.log
make -j4 >make.log 2>&1
make test 2>&1 | grep -E 'OK|FAILED'
make install >/dev/null 2>&1
cd ..
find z -type f -o -type l | sort
cat >use.c <<'END'
#include <stdio.h>
#include <string.h>
#include <zlib.h>
int main(void)
{
    static char in[100000], packed[100000], out[100000];
    uLongf n = sizeof packed, m = sizeof out;
    memset(in, 'x', sizeof in);
    printf("%d ", compress((Bytef *)packed, &n, (Bytef *)in, sizeof in));
    printf("%lu %d %d %s\n", n, uncompress((Bytef *)out, &m, (Bytef *)packed, n), memcmp(in, out, m), zlibVersion());
}
END
gcc -I z/include use.c -L z/lib -lz -Wl,-rpath,/tmp/work/z/lib -o use
./use
