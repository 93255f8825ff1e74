{# The run loop. What can be known before the first time step is not looked up at each of them, and nobody is asked for
   the time unless it is needed. #}
{% macro cpp_file() %}
#include "network.h"
#include <chrono>
#include <cmath>

double Network::_last_run_time = 0.0;
double Network::_last_run_completed_fraction = 0.0;
bool Network::_globally_stopped = false;
bool Network::_globally_running = false;

// Times of two clocks that differ by less are the same
static const double same_time = 1e-14;

Network::Network() : t(0.0) {}

void Network::clear()
{
    objects.clear();
    clocks.clear();
}

void Network::add(AnyClock *clock, codeobj_func run)
{
    size_t number = 0;
    while (number < clocks.size() && clocks[number].clock != clock)
        number++;
    if (number == clocks.size())
        clocks.push_back({clock, false});
    if (run)  // without, only the clock counts
        objects.push_back({number, run});
}

// The clock that is next, or none; marks all that are due with it
Network::AnyClock *Network::next_clock()
{
    AnyClock *next = clocks.empty() ? nullptr : clocks[0].clock;
    for (const Timer &timer : clocks)
        if (timer.clock->t[0] < next->t[0])
            next = timer.clock;
    for (Timer &timer : clocks)
        timer.due = timer.clock->t[0] - next->t[0] <= same_time;
    return next;
}

void Network::run(const double duration, report_func report, const double report_period)
{
    using std::chrono::steady_clock;
    const steady_clock::time_point begin = steady_clock::now();
    const auto elapsed = [begin] { return std::chrono::duration<double>(steady_clock::now() - begin).count(); };
    const double t_start = t;
    const double t_end = t + duration;
    double next_report = report_period;
    bool in_time = true;

    for (Timer &timer : clocks)
        timer.clock->set_interval(t_start, t_end);
    if (report)
        report(0.0, 0.0, t_start, duration);
    AnyClock *clock = next_clock();
    _globally_running = true;
    _globally_stopped = false;
    while (clock && clock->running() && !_globally_stopped && in_time)
    {
        t = clock->t[0];
        if (report && elapsed() > next_report)
        {
            report(elapsed(), (t - t_start) / duration, t_start, duration);
            next_report += report_period;
        }
        for (const Object &object : objects)
            if (clocks[object.clock].due)
                object.run();
        for (Timer &timer : clocks)
            if (timer.due)
                timer.clock->tick();
        clock = next_clock();
        {% if maximum_run_time is not none %}
        in_time = elapsed() <= {{maximum_run_time}};
        {% endif %}
    }
    _globally_running = false;

    t = in_time && !_globally_stopped || !clock ? t_end : clock->t[0];
    _last_run_time = elapsed();
    _last_run_completed_fraction = duration > 0 ? (t - t_start) / duration : 1.0;
    if (report)
        report(_last_run_time, _last_run_completed_fraction, t_start, duration);
}
{% endmacro %}

{% macro h_file() %}
#ifndef _BRIAN_NETWORK_H
#define _BRIAN_NETWORK_H

#include <cstddef>
#include <vector>
#include "brianlib/clocks.h"

typedef void (*codeobj_func)();

class Network
{
    // Clock, or the class that newer versions of Brian2 derive it from
    template <class Member>
    struct owner;
    template <class Owner>
    struct owner<double *Owner::*>
    {
        typedef Owner type;
    };
    typedef owner<decltype(&Clock::t)>::type AnyClock;
    typedef void (*report_func)(const double, const double, const double, const double);

    struct Timer
    {
        AnyClock *clock;
        bool due;
    };
    struct Object
    {
        size_t clock;
        codeobj_func run;
    };
    std::vector<Timer> clocks;
    std::vector<Object> objects;
    AnyClock *next_clock();

public:
    double t;
    static double _last_run_time;
    static double _last_run_completed_fraction;
    static bool _globally_stopped;
    static bool _globally_running;

    Network();
    void clear();
    void add(AnyClock *clock, codeobj_func run);
    void run(const double duration, report_func report, const double report_period);
};

#endif
{% endmacro %}
