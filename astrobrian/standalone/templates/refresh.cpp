{# USES_VARIABLES { N, t, dt } #}
{# Computes something for each cell of a group, but only if what it is made of has changed since it was last computed.

   copied: pairs of a variable of this group and the one whose values it has, cell by cell; the last cell is left out
   shared: variables with one value for all cells
   clock: the one at whose steps alone the copied ones may change, if there is one #}
{% extends 'common_group.cpp' %}

{% block extra_headers %}
#include <cstring>
{% endblock %}

{% block maincode %}
    const int64_t _N = {{constant_or_scalar('N', variables['N'])}};
    static double _shared[{{shared | length}} + 1];  // none may be left
    const double _now[] = { {% for variable in shared %}(double) {{get_array_name(variable)}}[0], {% endfor %}0 };
    static bool _computed = false;
    bool _changed = !_computed;
    for (int _k = 0; _k < {{shared | length}}; _k++)
        _changed |= _shared[_k] != _now[_k];
    {% if clock %}
    // what happens in a step of that clock is seen in it, or in the step after it
    static int64_t _seen = -1;
    const bool _look = {{clock.name}}.timestep[0] != _seen || std::fabs({{clock.name}}.t[0] - {{t}}) < 0.5*{{dt}};
    _seen = {{clock.name}}.timestep[0];
    {% else %}
    const bool _look = true;
    {% endif %}
    if (_look)
    {
    {% for copy, source in copied %}
    // equal bytes are equal values; nothing is as quick to find that out
    {% if source.scalar %}
    _changed |= {{get_array_name(copy)}}[0] != {{get_array_name(source)}}[0];
    {% else %}
    _changed = _changed || std::memcmp({{get_array_name(copy)}}, {{get_array_name(source)}}, (_N - 1)*sizeof(*{{get_array_name(copy)}}));
    {% endif %}
    {% endfor %}
    }
    if (_changed)
    {
        const size_t _vectorisation_idx = -1;
        {{scalar_code|autoindent}}
        #pragma omp simd
        for (int64_t _idx = 0; _idx < _N; _idx++)
        {
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
        }
        for (int _k = 0; _k < {{shared | length}}; _k++)
            _shared[_k] = _now[_k];
        _computed = true;
    }
{% endblock %}
