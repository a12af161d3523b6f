// SPDX-License-Identifier: MIT
// Exceptions across libraries, in several threads; iostreams, RTTI, thread_local with destructors.

#include <iostream>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <typeinfo>
#include <vector>

int throw_after(int depth, int *counter);

static std::mutex lock;
static int ended;

struct Local {
    ~Local()
    {
        std::lock_guard<std::mutex> hold(lock);
        ended++;
    }
    int count = 0;
};

static thread_local Local local;

struct Base {
    virtual ~Base() = default;
};
struct Derived : Base {
};

int main()
{
    std::vector<std::thread> threads;
    std::vector<int> counters(4);
    for (int i = 0; i < 4; i++)
        threads.emplace_back([i, &counters] {
            for (int round = 0; round < 200; round++) {
                try {
                    throw_after(20, &counters[i]);
                } catch (const std::exception &e) {
                    local.count++;
                }
            }
        });
    for (auto &t : threads)
        t.join();
    for (int c : counters)
        std::cout << c << ' ';
    std::cout << ended << std::endl;
    std::unique_ptr<Base> base(new Derived);
    std::cout << (dynamic_cast<Derived *>(base.get()) ? "derived" : "base") << ' '
              << typeid(*base).name() << std::endl;
    try {
        std::vector<int>().at(3);
    } catch (const std::out_of_range &e) {
        std::cout << "out of range" << std::endl;
    }
    throw std::runtime_error("nobody catches this");
}
