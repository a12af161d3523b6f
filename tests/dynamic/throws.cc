// SPDX-License-Identifier: MIT
// A library whose exceptions others catch.

#include <stdexcept>
#include <string>

struct Noted {
    int *counter;
    ~Noted() { ++*counter; }
};

int throw_after(int depth, int *counter)
{
    Noted noted{counter};
    if (depth == 0)
        throw std::runtime_error("from " + std::string("below"));
    return throw_after(depth - 1, counter) + 1;
}
