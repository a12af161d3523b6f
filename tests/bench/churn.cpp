// SPDX-License-Identifier: MIT
// Allocations as C++ programs make them, by several threads: strings, maps and vectors that come
// and go.  Prints a sum that is the same on each run.
//
//   churn [THREADS [ROUNDS]]

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

static uint64_t next(uint64_t &state)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint64_t churn(uint64_t seed, int rounds)
{
    std::map<uint64_t, std::string> words;
    std::vector<std::unique_ptr<std::vector<uint64_t>>> blocks(512);
    uint64_t sum = 0;
    for (int i = 0; i < rounds; i++) {
        uint64_t r = next(seed);
        words[r % 20000] = std::string(r % 200, static_cast<char>('a' + r % 26));
        if (words.size() > 15000)
            words.erase(words.begin());
        blocks[r % blocks.size()] = std::make_unique<std::vector<uint64_t>>(r % 3000, r);
        const auto &block = blocks[next(seed) % blocks.size()];
        sum += block && !block->empty() ? block->back() : words.size();
    }
    return sum;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 2, rounds = argc > 2 ? atoi(argv[2]) : 1000000;
    std::vector<uint64_t> sums(static_cast<size_t>(count));
    std::vector<std::thread> threads;
    for (int i = 0; i < count; i++)
        threads.emplace_back([&sums, i, rounds] {
            sums[static_cast<size_t>(i)] = churn(static_cast<uint64_t>(i) + 1, rounds);
        });
    uint64_t sum = 0;
    for (int i = 0; i < count; i++) {
        threads[static_cast<size_t>(i)].join();
        sum += sums[static_cast<size_t>(i)];
    }
    printf("%llu\n", static_cast<unsigned long long>(sum));
    return 0;
}
