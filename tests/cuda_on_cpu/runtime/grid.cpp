#include "stand_in/grid.h"

#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#if __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif
#if STAND_IN_FINDS_RACES
#include <sanitizer/tsan_interface.h>
#endif

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace {

// What ThreadSanitizer is told. To it each fiber is a thread of its own, so two threads of a kernel that touch the same
// memory on different fibers are a data race, although they never run at the same time.
void publish([[maybe_unused]] void* what) {
#if STAND_IN_FINDS_RACES
    __tsan_release(what);
#endif
}
void receive([[maybe_unused]] void* what) {
#if STAND_IN_FINDS_RACES
    __tsan_acquire(what);
#endif
}

// A stack on which threads of a kernel run one after another, until one of them has to wait at a barrier.
class Fiber {
public:
    int waits_in_line = 0;  // of __syncthreads; 0: doesn't wait
    uint3 thread;

    Fiber() : stack(new char[size]) {
        getcontext(&context);
        context.uc_stack.ss_sp = stack.get();
        context.uc_stack.ss_size = size;
        makecontext(&context, [] { start(); }, 0);
#if STAND_IN_FINDS_RACES
        racer = __tsan_create_fiber(0);
#endif
    }

    // From the scheduler to this fiber, until it leaves.
    void enter() {
#if STAND_IN_FINDS_RACES
        scheduler_racer = __tsan_get_current_fiber();
        __tsan_switch_to_fiber(racer, __tsan_switch_to_fiber_no_sync);
#endif
#if __SANITIZE_ADDRESS__
        void* fake_stack;
        __sanitizer_start_switch_fiber(&fake_stack, stack.get(), size);
#endif
        swapcontext(&scheduler, &context);
#if __SANITIZE_ADDRESS__
        __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
    }

    // Back to the scheduler, until it is entered again.
    void leave() {
#if STAND_IN_FINDS_RACES
        __tsan_switch_to_fiber(scheduler_racer, __tsan_switch_to_fiber_no_sync);
#endif
#if __SANITIZE_ADDRESS__
        void* fake_stack;
        __sanitizer_start_switch_fiber(&fake_stack, scheduler_stack, scheduler_stack_size);
#endif
        swapcontext(&context, &scheduler);
#if __SANITIZE_ADDRESS__
        __sanitizer_finish_switch_fiber(fake_stack, &scheduler_stack, &scheduler_stack_size);
#endif
    }

private:
    static constexpr size_t size = 256 * 1024;
    static inline ucontext_t scheduler;
#if STAND_IN_FINDS_RACES
    static inline void* scheduler_racer;
    void* racer;
#endif
#if __SANITIZE_ADDRESS__
    static inline const void* scheduler_stack;
    static inline size_t scheduler_stack_size;
#endif
    std::unique_ptr<char[]> stack;
    ucontext_t context;

    static void start();
};

// More than one where races are looked for: two threads on the same fiber can't race.
#if STAND_IN_FINDS_RACES
constexpr size_t fibers_at_least = 16;
#else
constexpr size_t fibers_at_least = 1;
#endif

std::mt19937 shuffler = [] {
    const char* seed = std::getenv("STAND_IN_SEED");
    return std::mt19937(seed ? std::atoi(seed) : 1);
}();

std::vector<unsigned> shuffled(unsigned number) {
    std::vector<unsigned> order(number);
    std::iota(order.begin(), order.end(), 0u);
    std::shuffle(order.begin(), order.end(), shuffler);
    return order;
}

std::vector<std::max_align_t> shared;  // of all blocks, one piece after another
size_t shared_of_block;
const std::function<void()>* kernel;
std::vector<unsigned> to_start;  // threads of this block
std::deque<Fiber*> idle;
std::vector<Fiber*> at_barrier;
Fiber* running;
// What ThreadSanitizer knows the beginning and the end of a kernel by, and the barriers of a block.
char launch, finish, meetings[4096];

void Fiber::start() {
#if __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_stack_size);
#endif
    for (;;) {
        do {
            threadIdx.x = to_start.back();
            to_start.pop_back();
            receive(&launch);
            (*kernel)();
            publish(&finish);
        } while (fibers_at_least == 1 && !to_start.empty());
        running->leave();
    }
}

void enter(Fiber* fiber) {
    running = fiber;
    fiber->enter();
    if (fiber->waits_in_line)
        at_barrier.push_back(fiber);
    else
        idle.push_back(fiber);
}

// All threads of the block that haven't returned wait; they go on together.
void pass_barrier() {
    std::vector<Fiber*> fibers;
    fibers.swap(at_barrier);
    std::shuffle(fibers.begin(), fibers.end(), shuffler);
    const int line = fibers[0]->waits_in_line;
    for (Fiber* fiber : fibers) {
        if (fiber->waits_in_line != line) {
            std::fprintf(stderr, "stand-in: threads of a block wait at different barriers, in lines %d and %d\n",
                         line, fiber->waits_in_line);
            std::abort();
        }
    }
    for (Fiber* fiber : fibers) {
        fiber->waits_in_line = 0;
        threadIdx = fiber->thread;
        enter(fiber);
    }
}

void run_block(unsigned threads) {
    to_start = shuffled(threads);
    while (!to_start.empty()) {
        while (idle.size() < fibers_at_least) idle.push_back(new Fiber);
        Fiber* fiber = idle.front();
        idle.pop_front();
        enter(fiber);
    }
    while (!at_barrier.empty()) pass_barrier();
}

}  // namespace

namespace stand_in {

void run(const Configuration& what, const std::function<void()>& thread) {
    if (what.blocks == 0 || what.threads == 0 || what.threads > threads_per_block || what.shared > shared_bytes) {
        fail(cudaErrorInvalidConfiguration);
        return;
    }
    const DeviceScope scope;
    kernel = &thread;
    shared_of_block = (what.shared + sizeof(std::max_align_t) - 1) / sizeof(std::max_align_t);
    shared.resize(what.blocks * shared_of_block);
    std::memset(shared.data(), 0xff, shared.size() * sizeof(std::max_align_t));
    gridDim.x = what.blocks;
    blockDim.x = what.threads;
    publish(&launch);
    for (unsigned block : shuffled(what.blocks)) {
        blockIdx.x = block;
        run_block(what.threads);
    }
    receive(&finish);
}

void barrier(int line) {
    Fiber* self = running;
    self->waits_in_line = line;
    self->thread = threadIdx;
    char* meeting = &meetings[blockIdx.x % sizeof meetings];
    publish(meeting);
    self->leave();
    receive(meeting);
}

void* shared_memory() { return shared.data() + blockIdx.x * shared_of_block; }

}  // namespace stand_in
