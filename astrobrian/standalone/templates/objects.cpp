{# The arrays and other objects of a program: how they are made, read, set and written. Brian2's header declares them. #}
{% import "brian2/objects.cpp" as _theirs with context %}
{% set _dynamic_names = dynamic_array_specs.values() | list %}
{% set _plain = [] %}
{% for var, name in array_specs | dictsort(by='value') if var not in dynamic_array_specs and var not in dynamic_array_2d_specs %}
{% set _ = _plain.append((var, name)) %}
{% endfor %}
{% set _pathways = [] %}
{% for S in synapses | sort(attribute='name') %}
{% for path in S._pathways | sort(attribute='name') %}
{% set _ = _pathways.append(path) %}
{% endfor %}
{% endfor %}

{% macro h_file() %}
{{_theirs.h_file()}}

// Values that are given to the program by name
namespace brian {
void values_are_given(const std::vector<std::string> &args);
void set_if_given(const char *name);
void seed_generators(double seed);
}
{% endmacro %}

{% macro cpp_file() %}
#include "objects.h"
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

namespace brian {

std::string results_dir = "results/";

// one for each thread
std::vector<RandomGenerator> _random_generators;

{% if brian2_version >= (2, 10) %}
std::ostream &operator<<(std::ostream &out, const RandomGenerator &generator)
{
    return out << generator.gen;
}

std::istream &operator>>(std::istream &in, RandomGenerator &generator)
{
    return in >> generator.gen;
}

{% endif %}
// networks
{% for network in networks | sort(attribute='name') %}
Network {{network.name}};
{% endfor %}

// clocks
{% for clock in clocks | sort(attribute='name') %}
{{'EventClock' if clock.__class__.__name__ == 'EventClock' else 'Clock'}} {{clock.name}};
{% endfor %}

// arrays
{% for var, name in _plain %}
{{c_data_type(var.dtype)}} *{{name}};
const int _num_{{name}} = {{var.size}};
{% endfor %}

// arrays that grow
{% for var, name in dynamic_array_specs | dictsort(by='value') %}
std::vector<{{c_data_type(var.dtype)}}> {{name}};
{% endfor %}
{% for var, name in dynamic_array_2d_specs | dictsort(by='value') %}
DynamicArray2D<{{c_data_type(var.dtype)}}> {{name}};
{% endfor %}

// values that are read from files
{% for name, type, N, filename in static_array_specs | sort %}
{% if name not in array_specs.values() and name not in _dynamic_names and name not in dynamic_array_2d_specs.values() %}
{{type}} *{{name}};
const int _num_{{name}} = {{N}};
{% endif %}
{% endfor %}

// synapses
{% for path in _pathways %}
SynapticPathway {{path.name}}({{dynamic_array_specs[path.synapse_sources]}}, {{path.source.start}}, {{path.source.stop}});
{% endfor %}

{% if profiled_codeobjects is defined %}
// time spent
{% for name in profiled_codeobjects | sort %}
{{'std::chrono::nanoseconds' if brian2_version >= (2, 10) else 'double'}} {{name}}_profiling_info(0);
{% endfor %}
{% endif %}

static void fail(const std::string &what, const std::string &file)
{
    std::cerr << what << " '" << file << "'" << std::endl;
    std::exit(1);
}

template <class T> static void make(T *&array, size_t size)
{
    array = new T[size];
}

template <class T> static void make(std::vector<T> &array, size_t size)
{
    array.resize(size);
}

template <class A> static void make_zeros(A &array, int size)
{
    make(array, size);
    {{openmp_pragma('parallel-static')}}
    for (int i = 0; i < size; i++)
        array[i] = 0;
}

template <class A> static void make_numbered(A &array, int size, int start)
{
    make(array, size);
    {{openmp_pragma('parallel-static')}}
    for (int i = 0; i < size; i++)
        array[i] = start + i;
}

static void read_bytes(void *where, size_t bytes, const std::string &file)
{
    std::ifstream in(file, std::ios::binary | std::ios::ate);
    if (!in)
        fail("Can't open", file);
    if ((size_t) in.tellg() != bytes)
        fail("Not of the size that is needed:", file);
    in.seekg(0);
    in.read(static_cast<char *>(where), bytes);
}

template <class A> static void read(A &array, size_t size, const std::string &name)
{
    make(array, size);
    read_bytes(&array[0], size*sizeof(array[0]), "static_arrays/" + name);
}

// A file of an earlier run is written over: file systems take long to make a new one instead
static void open(std::ofstream &out, const std::string &name, size_t bytes = 0)
{
    const std::string file = results_dir + name;
    out.open(file, std::ios::binary | std::ios::in | std::ios::out | std::ios::ate);
    if (out && (size_t) out.tellp() <= bytes) {
        out.seekp(0);
        return;
    }
    out.close();
    out.clear();
    out.open(file, std::ios::binary);
    if (!out)
        fail("Can't write", file);
}

template <class T> static void write(const T *array, size_t size, const std::string &name)
{
    std::ofstream out;
    open(out, name, size*sizeof(T));
    out.write(reinterpret_cast<const char *>(array), size*sizeof(T));
}

template <class T> static void write(const std::vector<T> &array, const std::string &name)
{
    write(array.data(), array.size(), name);
}

template <class T> static void write(DynamicArray2D<T> &array, const std::string &name)
{
    std::ofstream out;
    open(out, name, array.n*array.m*sizeof(T));
    if (array.m > 0)
        for (int i = 0; i < array.n; i++)
            out.write(reinterpret_cast<const char *>(&array(i, 0)), array.m*sizeof(T));
}

static bool as_number(const std::string &text, double &number)
{
    char *end;
    number = std::strtod(text.c_str(), &end);
    return !text.empty() && !*end;
}

static bool as_number(const std::string &text, int64_t &number)
{
    char *end;
    number = std::strtoll(text.c_str(), &end, 10);
    return !text.empty() && !*end;
}

template <class Number, class T> static void set(T *array, size_t size, const std::string &text)
{
    Number number;
    if (as_number(text, number))
        std::fill(array, array + size, (T) number);
    else
        read_bytes(array, size*sizeof(T), text);
}

static void set(double *array, size_t size, const std::string &text) { set<double>(array, size, text); }
static void set(float *array, size_t size, const std::string &text) { set<double>(array, size, text); }
static void set(int32_t *array, size_t size, const std::string &text) { set<int64_t>(array, size, text); }
static void set(int64_t *array, size_t size, const std::string &text) { set<int64_t>(array, size, text); }
static void set(char *array, size_t size, const std::string &text)
{
    const bool yes = text == "true" || text == "True", no = text == "false" || text == "False";
    set<int64_t>(array, size, yes ? "1" : no ? "0" : text);
}

// Sets a variable to a number, or to the content of a file
static void set_variable(const std::string &name, const std::string &text, bool at_the_start)
{
    const char *wanted = name.c_str();
    {% for var, name in _plain if not var.read_only %}
    if (!std::strcmp(wanted, "{{var.owner.name}}.{{var.name}}"))
        return set({{name}}, {{var.size}}, text);
    {% endfor %}
    {% for var, name in timed_arrays | dictsort(by='value') %}
    if (!std::strcmp(wanted, "{{name}}.values"))
        return set({{name}}_values, {{var.values.size}}, text);
    {% endfor %}
    if (at_the_start || name == "seed")  // there are no synapses yet
        return;
    {% for var, name in dynamic_array_specs | dictsort(by='value') if not var.read_only %}
    if (!std::strcmp(wanted, "{{var.owner.name}}.{{var.name}}"))
        return set({{name}}.data(), {{name}}.size(), text);
    {% endfor %}
    fail("There is no variable", name);
}

void set_variable_by_name(std::string name, std::string text)
{
    set_variable(name, text, false);
}

static std::map<std::string, std::string> given;

void values_are_given(const std::vector<std::string> &args)
{
    for (const std::string &arg : args) {
        const size_t equals = arg.find('=');
        const std::string name = arg.substr(0, equals), text = arg.substr(equals + 1);
        given[name] = text;
        set_variable(name, text, true);
    }
    if (given.count("seed"))
        seed_generators(0);
}

void set_if_given(const char *name)
{
    const auto value = given.find(name);
    if (value != given.end())
        set_variable(name, value->second, false);
}

void seed_generators(double seed)
{
    if (given.count("seed"))
        as_number(given["seed"], seed);
    for (size_t i = 0; i < _random_generators.size(); i++)
        _random_generators[i].seed((unsigned long) seed + i);
}
}

void _init_arrays()
{
    using namespace brian;
    {% for var, name in zero_arrays | sort(attribute='1') %}
    make_zeros({{name}}, {{var.size}});
    {% endfor %}
    {% for var, name, start in arange_arrays | sort(attribute='1') %}
    make_numbered({{name}}, {{var.size}}, {{start}});
    {% endfor %}
    _random_generators.resize({{openmp_pragma('get_num_threads')}});
}

void _load_arrays()
{
    using namespace brian;
    {% for name, type, N, filename in static_array_specs | sort %}
    read({{name}}, {{N}}, "{{filename}}");
    {% endfor %}
}

void _write_arrays()
{
    using namespace brian;
    {% for var, name in _plain %}
    write({{name}}, {{var.size}}, "{{get_array_filename(var)}}");
    {% endfor %}
    {% for var, name in dynamic_array_specs | dictsort(by='value') %}
    write({{name}}, "{{get_array_filename(var)}}");
    {% endfor %}
    {% for var, name in dynamic_array_2d_specs | dictsort(by='value') %}
    write({{name}}, "{{get_array_filename(var)}}");
    {% endfor %}
    std::ofstream out;
    {% if brian2_version >= (2, 10) %}
    {% for path in _pathways %}
    open(out, "{{path.name}}_queue");
    for (const auto queue : {{path.name}}.queue)
        out << *queue << "\n";
    out.close();
    {% endfor %}
    open(out, "random_generator_state");
    for (const RandomGenerator &generator : _random_generators)
        out << generator << "\n";
    out.close();
    {% endif %}
    {% if profiled_codeobjects is defined and profiled_codeobjects %}
    open(out, "profiling_info.txt");
    {% for name in profiled_codeobjects | sort %}
    {% if brian2_version >= (2, 10) %}
    out << "{{name}}\t" << std::chrono::duration<double>({{name}}_profiling_info).count() << "\n";
    {% else %}
    out << "{{name}}\t" << {{name}}_profiling_info << "\n";
    {% endif %}
    {% endfor %}
    out.close();
    {% endif %}
    open(out, "last_run_info.txt");
    out << Network::_last_run_time << " " << Network::_last_run_completed_fraction << std::endl;
}

// The program ends when this is called, and its memory with it
void _dealloc_arrays() {}
{% endmacro %}
